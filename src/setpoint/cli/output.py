"""What the user sees: tables, relative times, colours, JSON. Foreign text is escaped here."""

import sys

from setpoint.model.errors import SetpointError
from setpoint.model.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TextIO


COLOURS = {"red": "31", "green": "32", "yellow": "33", "dim": "2", "bold": "1"}
ERASE = "\x1b[K"
"""to the end of the line"""


def escaped(text: str) -> str:
    """Safe on a terminal: an app's name, log or error must not move the cursor."""
    return "\n".join(printable(line.expandtabs(4)) for line in text.split("\n"))


def one_line(text: str) -> str:
    return printable(text.replace("\n", " ").replace("\t", " "))


def ago(seconds: float) -> str:
    """'just now', '12 s ago', '5 min ago', '3 h ago', '2 d ago'"""
    s = int(seconds)
    if s < 2:
        return "just now"
    if s < 120:
        return f"{s} s ago"
    if s < 7200:
        return f"{s // 60} min ago"
    if s < 172_800:
        return f"{s // 3600} h ago"
    return f"{s // 86_400} d ago"


def size(count: int) -> str:
    if count < 1000:
        return f"{count} bytes"
    if count < 1_000_000:
        return f"{count / 1000:.1f} kB"
    if count < 1_000_000_000:
        return f"{count / 1_000_000:.1f} MB"
    return f"{count / 1_000_000_000:.1f} GB"


def aligned(rows: "Iterable[Sequence[str]]", indent: str = "") -> list[str]:
    """Columns as wide as their widest cell; the last one is never padded."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*(row[:-1] for row in cells), strict=False)]
    return [
        indent
        + "  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in cells
    ]


def error_text(error: SetpointError) -> str:
    return escaped(str(error))


def error_json(error: SetpointError) -> str:
    import json

    told = {
        "id": getattr(error, "id", "refused"),
        "message": error.message,
        "hint": error.hint,
    }
    return json.dumps(told)


class Output:
    """With `as_json` the lines for humans are left out and `result` prints; else the reverse."""

    def __init__(
        self, *, as_json: bool, env: "Mapping[str, str]", stream: "TextIO | None" = None
    ) -> None:
        self.as_json = as_json
        self.stream = stream if stream is not None else sys.stdout
        self.on_terminal = self.stream.isatty()
        self.redraws = self.on_terminal and not as_json and env.get("TERM", "dumb") != "dumb"
        self._drawn = ""
        self.colours = self.on_terminal and not env.get("NO_COLOR")

    def line(self, text: str = "", colour: str = "") -> None:
        if not self.as_json:
            drawn = self._drawn
            self.redraw("")
            print(self.painted(escaped(text), colour), file=self.stream, flush=True)
            self.redraw(drawn)

    def redraw(self, text: str) -> None:
        """One line that is always the last, in place of what it was before; '' takes it away.

        Only where it can be: nothing at all elsewhere.
        """
        if self.redraws and text != self._drawn:
            self._drawn = text
            self.stream.write(f"\r{ERASE}{self.painted(one_line(text), 'dim')}")
            self.stream.flush()

    def table(self, rows: "Iterable[Sequence[str]]", indent: str = "") -> None:
        for line in aligned(rows, indent):
            self.line(line)

    def fields(self, pairs: "Iterable[tuple[str, str]]") -> None:
        """'name   value' lines; what has no value is left out."""
        self.table([(name, value) for name, value in pairs if value])

    def result(self, value: object) -> None:
        if self.as_json:
            import json

            print(json.dumps(value), file=self.stream, flush=True)

    def note(self, text: str) -> None:
        """Beside a result that is somebody else's bytes."""
        if not self.as_json:
            print(escaped(text), file=sys.stderr, flush=True)

    def complain(self, text: str) -> None:
        self.redraw("")
        print(escaped(text), file=sys.stderr, flush=True)

    def painted(self, text: str, colour: str) -> str:
        if not colour or not self.colours:
            return text
        return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m"
