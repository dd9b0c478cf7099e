"""Texts that nobody else could have made: for addresses that are permissions by themselves.

Nothing is remembered, so they outlive the process that issued them. How long one is good for is a
matter of what is in it.
"""

import base64
import binascii
import hmac


class Tickets:
    """Implements `api.services.Tickets`. `key`: whoever has it can issue them."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def issue(self, purpose: str, content: bytes) -> str:
        return f"{_text(content)}.{_text(self._seal(purpose, content))}"

    def read(self, purpose: str, ticket: str) -> bytes | None:
        content, _, seal = ticket.partition(".")
        try:
            told = _bytes(content)
            return told if hmac.compare_digest(_bytes(seal), self._seal(purpose, told)) else None
        except (ValueError, binascii.Error):
            return None

    def _seal(self, purpose: str, content: bytes) -> bytes:
        return hmac.digest(self._key, purpose.encode() + b"\0" + content, "sha256")


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
