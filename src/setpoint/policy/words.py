"""What a person may say about a Change: bounded, and never a secret by accident."""

from collections.abc import Collection

import msgspec

from setpoint.model.change import Asked
from setpoint.model.errors import Invalid, OverLimit

WHY_BYTES_MAX = 4096
LINKS_MAX = 10
FIELD_CHARS_MAX = 500
"""One link, the name of who is acted for, a request id, an idempotency key."""

SECRET_CHARS_MIN = 6
"""Shorter values ('1', 'true', 'info') stand in ordinary sentences."""


def accepted(asked: Asked, secrets: Collection[str] = ()) -> Asked:
    """The request as it may be recorded. `secrets`: values no why may contain. Raises Refused."""
    why = _tidy(asked.why)
    _check_why(why, secrets)
    _check_bounds(asked)
    return msgspec.structs.replace(asked, why=why)


def _tidy(why: str) -> str:
    """Lines kept, control characters gone; nothing but white space is no why at all."""
    return "".join(c for c in why if c.isprintable() or c in "\n\t").strip()


def _check_why(why: str, secrets: Collection[str]) -> None:
    """The secret is not echoed, not even which one it was."""
    size = len(why.encode())
    if size > WHY_BYTES_MAX:
        raise OverLimit(
            f"cannot record the why: it has {size} bytes, at most {WHY_BYTES_MAX} are allowed"
        )
    if any(len(secret) >= SECRET_CHARS_MIN and secret in why for secret in secrets):
        raise Invalid(
            "cannot record the why: it contains the value of a config var",
            "a why is stored in the clear and shown to everyone who can see the app",
        )


def _check_bounds(asked: Asked) -> None:
    if len(asked.links) > LINKS_MAX:
        raise OverLimit(
            f"cannot record the links: there are {len(asked.links)}, "
            f"at most {LINKS_MAX} are allowed"
        )
    fields = (asked.on_behalf_of, asked.request_id, asked.idempotency_key, *asked.links)
    if any(len(text) > FIELD_CHARS_MAX for text in fields):
        raise OverLimit(
            "cannot record the request: a link, an id or a name in it is longer than "
            f"{FIELD_CHARS_MAX} characters"
        )
