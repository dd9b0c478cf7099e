"""What a person may say about a Change: bounded, and never a secret by accident."""

import re
from collections.abc import Collection, Mapping

import msgspec

from setpoint.model.change import Asked, WhySource
from setpoint.model.errors import Invalid, OverLimit, TellsSecret

WHY_BYTES_MAX = 4096
LINKS_MAX = 10
FIELD_CHARS_MAX = 500
"""One link, the name of who is acted for, a request id, an idempotency key."""

SECRET_CHARS_MIN = 6
"""Shorter values ('1', 'true', 'info') stand in ordinary sentences."""
COMMAND_SECRET_CHARS_MIN = 8
"""Shorter ones, and words ('production'), stand in ordinary commands."""


TRAILER_RE = re.compile(r"([A-Za-z][A-Za-z-]*): *(\S.*)")
"""`Key: value`; a commit message may end in a paragraph of them."""
LINK = "see"
"""The key of the one that names where there is more to read."""
DECIDING = ("bet", "wrong-if", "if-wrong", "revisit", "decision")
"""Keys of those that make a Change part of a decision."""
PICKED_UP = ("commit", "env")
"""Sources of a why that nobody typed for this Change."""


def accepted(asked: Asked, secrets: Collection[str] = ()) -> Asked:
    """The request as it may be recorded. `secrets`: values no why may contain. Raises Refused."""
    why = _tidy(asked.why)
    _check_why(why, (why, *asked.links), secrets, asked.why_source)
    _check_bounds(asked)
    source = asked.why_source if why else "none"
    return msgspec.structs.replace(asked, why=why, why_source=source)


def check_command(app: str, command: str, secrets: Mapping[str, str]) -> None:
    """A command line is kept in the clear, since people need to see what ran; what it reads from
    its input is not. `secrets`: values by name, of which none may stand in it. Raises Invalid."""
    for name, value in secrets.items():
        plain = len(value) < COMMAND_SECRET_CHARS_MIN or value.isalpha()
        if not plain and value in command:
            raise Invalid(
                f"cannot run a command in '{app}': it contains the value of {name}, and a command "
                "line is kept in the clear",
                f"write '${name}' in single quotes: the command runs in a shell that has it",
            )


def linked(asked: Asked) -> Asked:
    """With what `See:` trailers of its why name as links, as in a commit message."""
    why, found = _taken(asked.why, (LINK,))
    links = [value for _, value in found]
    if not links:
        return asked
    return msgspec.structs.replace(
        asked, why=why, links=tuple(dict.fromkeys((*asked.links, *links)))
    )


def deciding(asked: Asked) -> tuple[Asked, dict[str, str]]:
    """Without the trailers that tell of a decision (`Bet:`, `Revisit:`, `Decision:` and their
    like); and those, by key. The last of a key counts."""
    why, found = _taken(asked.why, DECIDING)
    return (msgspec.structs.replace(asked, why=why) if found else asked), dict(found)


def beside(why: str, place: str) -> str:
    """What stands beside a value in a file, as it may be kept. Raises OverLimit."""
    said = _tidy(why)
    size = len(said.encode())
    if size > WHY_BYTES_MAX:
        raise OverLimit(
            f"cannot record the why of {place[:200]}: it has {size} bytes, at most "
            f"{WHY_BYTES_MAX} are allowed"
        )
    return said


def line(text: str) -> str:
    """One line, no control characters; nothing but white space is nothing."""
    return " ".join("".join(c for c in text if c.isprintable() or c.isspace()).split())


def _taken(why: str, keys: Collection[str]) -> tuple[str, list[tuple[str, str]]]:
    """The text without the trailers of these keys, and what they say."""
    lines = why.rstrip().splitlines()
    start = len(lines)
    while start and TRAILER_RE.fullmatch(lines[start - 1].strip()):
        start -= 1
    trailers = [t for said in lines[start:] if (t := TRAILER_RE.fullmatch(said.strip()))]
    found = [(t[1].lower(), _tidy(t[2])) for t in trailers if t[1].lower() in keys]
    rest = [t[0] for t in trailers if t[1].lower() not in keys]
    return ("\n".join((*lines[:start], *rest)) if found else why), found


def _tidy(why: str) -> str:
    """Lines kept, control characters gone; nothing but white space is no why at all."""
    return "".join(c for c in why if c.isprintable() or c in "\n\t").strip()


def _check_why(
    why: str, shown: Collection[str], secrets: Collection[str], source: WhySource
) -> None:
    """`shown`: all that is kept in the clear. The secret is not echoed, not even which it was."""
    size = len(why.encode())
    if size > WHY_BYTES_MAX:
        raise OverLimit(
            f"cannot record the why: it has {size} bytes, at most {WHY_BYTES_MAX} are allowed"
        )
    check_told(shown, secrets, source)


def check_told(shown: Collection[str], secrets: Collection[str], source: WhySource) -> None:
    """Raises TellsSecret where a secret stands in what everybody may read."""
    telling = [secret for secret in secrets if len(secret) >= SECRET_CHARS_MIN]
    if any(secret in text for secret in telling for text in shown):
        raise TellsSecret(
            "cannot record the why: it contains the value of a config var",
            "a why is stored in the clear and shown to everyone who can see the app"
            + ("; say another with -m, or git push -o why=..." if source in PICKED_UP else ""),
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
