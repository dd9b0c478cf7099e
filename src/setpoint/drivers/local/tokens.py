"""The local admin's API token: a file only the daemon and root can read.

Whoever can read it owns this Setpoint; further tokens with narrower scopes are rows of the store.
"""

import hashlib
import hmac
import os
from collections.abc import Callable
from pathlib import Path

from setpoint.model.account import INSTALLATION
from setpoint.model.change import Actor
from setpoint.model.errors import StoreError

ADMIN = Actor(name="admin", email=INSTALLATION, scope="admin")


class LocalTokens:
    """Raises StoreError when the file cannot be read or made."""

    def __init__(self, path: Path, new_token: Callable[[], str]) -> None:
        try:
            if not path.exists():
                _create(path, new_token())
            self._expected = _digest(path.read_text(encoding="utf-8").strip())
        except OSError as error:
            raise StoreError(f"cannot read the API token {path}: {error.strerror}") from None

    @property
    def key(self) -> bytes:
        """A secret that lasts as long as the token does, and does not tell it."""
        return hmac.digest(self._expected, b"key", "sha256")

    def check(self, token: str) -> Actor | None:
        return ADMIN if hmac.compare_digest(_digest(token), self._expected) else None


def _create(path: Path, token: str) -> None:
    temporary = path.with_suffix(".new")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(token + "\n")
        file.flush()
        os.fsync(fd)
    temporary.replace(path)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
