"""Who may sign in, what they hold to do so, and what they may do to which app."""

import hashlib
from typing import Literal

import msgspec

Role = Literal["view", "deploy", "operate", "manage"]
"""On one app; each holds all before it."""
ROLES: tuple[Role, ...] = ("view", "deploy", "operate", "manage")

Scope = Literal["read", "write", "admin"]
"""Of a token; each holds all before it. 'admin' is all that whoever holds it may do."""
SCOPES: tuple[Scope, ...] = ("read", "write", "admin")

INSTALLATION = "admin@setpoint.localhost"
"""Who the token in the data directory is: whoever can read that file owns everything else."""

HINT_START, HINT_END = 8, 4
REDACTED = "*" * 10
"""stands for the middle of a token; Heroku's clients know their own by what is around it"""


class Account(msgspec.Struct, frozen=True):
    """A person, known by `email` for ever. `admin`: every app is theirs to manage.

    `password`: the digest of what was made for them, None for nothing yet.
    """

    id: str
    email: str
    admin: bool
    created_at_s: float
    password: bytes | None = None


class Token(msgspec.Struct, frozen=True):
    """One sign-in, or one key of a program. `digest`: all that is kept of what its holder shows.

    `account`: an email. `scopes`: as they were asked for. `hint`: its ends, to know it by.
    `login`: signing out ends it.
    """

    id: str
    account: str
    digest: bytes
    scopes: tuple[str, ...]
    description: str
    hint: str
    created_at_s: float
    expires_at_s: float | None = None
    login: bool = False

    def expired(self, now_s: float) -> bool:
        return self.expires_at_s is not None and self.expires_at_s <= now_s


def digest(secret: str) -> bytes:
    """What is kept of a token or password. Both are made here and never chosen, 256 bits of chance:
    no guess gets anywhere, so one round does."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def hint(secret: str) -> str:
    return f"{secret[:HINT_START]}{REDACTED}{secret[-HINT_END:]}"
