"""A .env file -> config vars. Its lines are told by number only: they may hold a secret."""

import io
from pathlib import Path

from setpoint.cli.output import size
from setpoint.model.errors import Invalid, OverLimit

BYTES_MAX = 1024 * 1024
LINES_TOLD_MAX = 5


def values(app: str, said: str) -> dict[str, str]:
    """By key, the last of equal ones. `$NAME` stays as it is: nothing is filled in from here, so
    the same file is the same config wherever it is read. Raises Invalid, OverLimit."""
    # Here and not above: hardly any command needs it, and each would pay for it at its start.
    from dotenv.parser import Binding, parse_stream

    found, wrong = dict[str, str](), list[int]()

    def line(binding: Binding) -> int:
        """Its own: a binding begins with the blank lines before it."""
        text = binding.original.string
        blank = len(text) - len(text.lstrip())
        return binding.original.line + text[:blank].count("\n")

    for binding in parse_stream(io.StringIO(_text(app, said))):
        if binding.error or (binding.key is not None and binding.value is None):
            wrong.append(line(binding))
        elif binding.key is not None:
            found[binding.key] = binding.value or ""
    if wrong:
        raise _wrong_lines(app, said, wrong)
    return found


def _text(app: str, said: str) -> str:
    try:
        with Path(said).open("rb") as file:
            raw = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise Invalid(f"cannot configure '{app}': {said}: {error.strerror}") from None
    if len(raw) > BYTES_MAX:
        fact = f"{said} is larger than {size(BYTES_MAX)}"
        raise OverLimit(f"cannot configure '{app}': {fact}")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = raw.count(b"\n", 0, error.start) + 1
        fact = f"{said}, line {at}, is not UTF-8"
        raise Invalid(f"cannot configure '{app}': {fact}", "save it as UTF-8") from None


def _wrong_lines(app: str, said: str, wrong: list[int]) -> Invalid:
    shown = ", ".join(map(str, wrong[:LINES_TOLD_MAX]))
    more = f" and {len(wrong) - LINES_TOLD_MAX} more" if len(wrong) > LINES_TOLD_MAX else ""
    lines = f"line {shown} is" if len(wrong) == 1 else f"lines {shown}{more} are"
    return Invalid(
        f"cannot configure '{app}': {said}, {lines} not KEY=VALUE",
        "quote values with spaces; a # begins a comment",
    )
