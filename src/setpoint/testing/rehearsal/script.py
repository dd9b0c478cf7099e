"""A script, read: plain text, one act a line, `#` to the end of a line is a comment."""

from dataclasses import dataclass

from setpoint.model.errors import Invalid
from setpoint.testing.rehearsal import acts
from setpoint.testing.rehearsal.acts import Act
from setpoint.testing.rehearsal.verbs import VERBS
from setpoint.testing.rehearsal.words import Slip, Words, nearest, quoted, split

BYTES_MAX = 256 * 1024
LINES_MAX = 1000
TOTAL_S_MAX = 7 * 86400.0
"""of virtual time in one rehearsal, all `wait` and `settle within` together"""


@dataclass(frozen=True)
class Line:
    """`shown`: as it is printed again; a config value is not. `act` None: a comment."""

    number: int
    shown: str
    act: Act | None


def read(text: str, name: str) -> tuple[Line, ...]:
    """The script's lines, but for empty ones. Raises Invalid: `cannot read NAME line N: ...`."""
    found: list[Line] = []
    for number, written in enumerate(text.splitlines(), start=1):
        try:
            line = _line(number, written.strip())
        except Slip as slip:
            raise Invalid(f"cannot read {name} line {number}: {slip.fact}", slip.hint) from None
        found += [line] if line is not None else []
    _check_size(found, name)
    return tuple(found)


def _line(number: int, written: str) -> Line | None:
    if written.startswith("#"):
        return Line(number, written, None)
    words = split(written)
    if not words:
        return None
    verb, *rest = words
    known = VERBS.get(verb)
    if known is None:
        raise Slip(f"{quoted(verb)} is nothing that can be done", nearest(verb, list(VERBS)))
    said = Words(rest, known.usage)
    act = known.read(said)
    said.end()
    return Line(number, _shown(act, written), act)


def _shown(act: Act, written: str) -> str:
    if not isinstance(act, acts.Config):
        return written
    told = (f"{k}=***" if v is not None else f"--unset {k}" for k, v in act.values.items())
    return " ".join(("config", act.app, *told))


def _check_size(lines: list[Line], name: str) -> None:
    if len(lines) > LINES_MAX:
        fact = f"it has {len(lines)} lines, at most {LINES_MAX} are taken"
        raise Invalid(f"cannot rehearse {name}: {fact}")
    total_s = sum(_takes_s(line.act) for line in lines)
    if total_s > TOTAL_S_MAX:
        days = TOTAL_S_MAX / 86400
        raise Invalid(f"cannot rehearse {name}: it may take more than {days:g} days of its time")


def _takes_s(act: Act | None) -> float:
    match act:
        case acts.Wait():
            return act.for_s
        case acts.Settle():
            return act.within_s
        case _:
            return 0.0
