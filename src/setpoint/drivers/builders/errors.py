"""Why a build fails, told so that its reader can act. Text from outside is made printable here."""

import re

from setpoint.formats.handover import Need
from setpoint.model.errors import DriverError
from setpoint.model.text import printable as one_line

LINES_MAX = 20
BYTES_MAX = 4096
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+@")


class CannotBuild(DriverError):
    """`fact` completes `cannot build APP: `. `tool`: the failed tool's own last lines.

    `user_error`: the same source fails again, so trying again is pointless.
    """

    def __init__(
        self, fact: str, hint: str = "", *, tool: str = "", user_error: bool = True
    ) -> None:
        super().__init__(fact, hint)
        self.tool = tool
        self.user_error = user_error

    def told(self, app: str) -> str:
        head = printable(f"cannot build {app}: {self.message}")
        return "\n".join(filter(None, (head, printable(self.hint), last_lines(self.tool))))


class NeedsRunStage(Exception):
    """These must be done in the app's sandbox before this build can go on."""

    def __init__(self, needs: tuple[Need, ...]) -> None:
        super().__init__(", ".join(need.label for need in needs))
        self.needs = needs


def last_lines(text: str) -> str:
    """The end of a tool's output: at most `LINES_MAX` lines and `BYTES_MAX` bytes, printable."""
    lines = [line for line in printable(text).split("\n") if line.strip()][-LINES_MAX:]
    kept: list[str] = []
    room = BYTES_MAX
    for line in reversed(lines):
        room -= len(line.encode()) + 1
        if room < 0:
            break
        kept.insert(0, line)
    return "\n".join(kept)


def printable(text: str) -> str:
    """Control characters escaped, line breaks kept, credentials inside addresses left out."""
    lines = (one_line(line.replace("\t", " ")) for line in text.split("\n"))
    shown = "\n".join(lines)
    return _CREDENTIALS.sub("***@", shown)
