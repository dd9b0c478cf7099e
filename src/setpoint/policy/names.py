"""What an app may be called, and a name for one that was given none."""

import hashlib

from setpoint.model.app import NAME_RE, PROCESS_RE
from setpoint.model.errors import Invalid
from setpoint.model.text import printable

RULE = (
    "app names have 3 to 30 characters, start with a letter, end with a letter or digit, and hold "
    "only lower-case letters, digits and single hyphens"
)

_SHOWN_MAX = 40

_ADJECTIVES = (
    "amber autumn bold brave bright calm clear cosy crisp early eager fair fancy fresh gentle "
    "glad golden grand green happy hidden honest icy ivory jolly keen kind late light lively "
    "lucky mellow merry mild misty noble polar proud quick quiet rapid royal rustic salty sandy "
    "shiny silent silver snowy solid steady still stormy sunny swift tidy vivid warm wild wise"
)
_NOUNS = (
    "badger bay beach birch brook canyon castle cedar cliff cloud comet coral creek dune eagle "
    "falcon fern field finch fjord forest fox garden glade grove harbor hawk heron hill island "
    "lake lagoon leaf maple marsh meadow moon mountain oak ocean otter owl peak pine plain pond "
    "rain reef ridge river robin sky spruce star stone stream tide trail tree valley wave wood"
)


def check_app(name: str, failing: str = "") -> None:
    """Raises Invalid. Two hyphens in a row would read as `<function>--<app>` in a host name.

    `failing`: how the refusal begins, where the name is not for a new app.
    """
    if NAME_RE.fullmatch(name) is None or "--" in name:
        failing = failing or f"cannot create '{shortened(name)}'"
        raise Invalid(f"{failing}: not a valid app name", RULE)


def check_process(verb: str, app: str, process: str) -> None:
    if PROCESS_RE.fullmatch(process) is None:
        raise Invalid(f"cannot {verb} '{app}': '{shortened(process)}' is no process name")


def suggest(token: str) -> str:
    """`adjective-noun-1234` out of a random token, always a valid name."""
    luck = hashlib.sha256(token.encode()).digest()
    number = 1000 + int.from_bytes(luck[8:12], "big") % 9000
    return f"{_pick(_ADJECTIVES, luck[0:4])}-{_pick(_NOUNS, luck[4:8])}-{number}"


def shortened(text: str) -> str:
    """Foreign text as it may stand in a message: one line, no control characters, bounded."""
    shown = printable(text)
    return shown if len(shown) <= _SHOWN_MAX else shown[: _SHOWN_MAX - 1] + "…"


def _pick(words: str, luck: bytes) -> str:
    choices = words.split()
    return choices[int.from_bytes(luck, "big") % len(choices)]
