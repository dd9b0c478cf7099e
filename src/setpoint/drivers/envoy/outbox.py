"""What is still to be told to the supervisor. Bounded, and ordered only within one app's log."""

from collections.abc import Iterable

from setpoint.formats.control import Activity, AppendLog, Demand, Drained, LogLine
from setpoint.model.ids import AppId

LINES_MAX = 10_000
"""router lines of all apps; beyond, new ones are counted and dropped"""
LINES_PER_MESSAGE = 500

Level = Demand | Activity | Drained


class Outbox:
    """`take` shows what to send, `done` removes it: unless it was replaced meanwhile."""

    def __init__(self) -> None:
        self._levels: dict[tuple[str, object], Level] = {}
        self._lines: dict[AppId, list[LogLine]] = {}
        self._lost: dict[AppId, int] = {}
        self._kept = 0

    @property
    def empty(self) -> bool:
        return not self._levels and not self._lines

    def put(self, level: Level) -> None:
        self._levels[_about(level)] = level

    def log(self, app: AppId, lines: Iterable[LogLine]) -> None:
        for line in lines:
            if self._kept >= LINES_MAX:
                self._lost[app] = self._lost.get(app, 0) + 1
                continue
            kept = self._lines.setdefault(app, [])
            if lost := self._lost.pop(app, 0):
                kept.append(_gap(line.at_s, lost))
                self._kept += 1
            kept.append(line)
            self._kept += 1

    def take(self) -> list[Level | AppendLog]:
        logs = [AppendLog(app, tuple(ls[:LINES_PER_MESSAGE])) for app, ls in self._lines.items()]
        return [*self._levels.values(), *logs]

    def done(self, message: Level | AppendLog) -> None:
        if isinstance(message, AppendLog):
            sent = len(message.lines)
            self._kept -= sent
            del self._lines[message.app][:sent]
            if not self._lines[message.app]:
                del self._lines[message.app]
        elif self._levels.get(_about(message)) is message:
            del self._levels[_about(message)]


def _about(level: Level) -> tuple[str, object]:
    about = level.instance if isinstance(level, Drained) else level.key
    return type(level).__name__, about


def _gap(at_s: float, lost: int) -> LogLine:
    text = f"Error L10 (output buffer overflow): {lost} router lines were dropped before this one."
    return LogLine(at_s, "heroku", "logplex", text)
