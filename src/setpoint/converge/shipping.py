"""One drain: reads on in the app's log where it was, and sends what it reads until it is taken.

Reading and sending go on beside each other, with a bounded backlog in between. So neither a slow
receiver nor one that is away holds up anybody else, the app least of all.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from setpoint.converge.backlog import Backlog, Room
from setpoint.drivers.logplex import Sink
from setpoint.drivers.ports import Tails
from setpoint.formats import logplex
from setpoint.formats.control import LogLine
from setpoint.formats.heroku.log_lines import mark, marked_at_s
from setpoint.model.app import Drain
from setpoint.model.drain import Frame, Place, Shipped
from setpoint.model.errors import DriverError
from setpoint.model.ids import AppId
from setpoint.model.log import LogFilter
from setpoint.planning import drains as planning

LINES_READ_MAX = 10_000
"""What is kept of a log that is asked for at once."""
OUT_OF_ORDER_S = 60.0
"""Lines of the router come late: so far before its place a reader looks for it, and behind it."""
READ_AGAIN_S = 0.5
SAY_AGAIN_S = 60.0
"""Between two lines in the app's own log that say what was lost."""


@dataclass(frozen=True)
class Ports:
    """Of all drains. `write`: into an app's own log. `now`: unix seconds; `luck`: 0 to 1."""

    tails: Tails
    write: Callable[[AppId, Sequence[LogLine]], Awaitable[None]]
    now: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    luck: Callable[[], float]
    new_id: Callable[[], str]
    room: Room = field(default_factory=Room)


class Shipping:
    """`state` is all that has to be remembered of it. What was dropped and not told of may be in
    the log still: after a restart it is read again."""

    def __init__(self, app: AppId, drain: Drain, sink: Sink, state: Shipped, ports: Ports) -> None:
        self._app = app
        self._drain = drain
        self._sink = sink
        self._ports = ports
        self._told = replace(state, dropped=state.dropped - state.unsaid, unsaid=0)
        self._read_to = state.place
        self._backlog = Backlog(sink.host, ports.room)
        self._in_hand = 0
        """lines that were lost, of which the frame under way tells"""
        self._said_s = float("-inf")

    @property
    def state(self) -> Shipped:
        lost = self._backlog.lost + self._in_hand
        return replace(self._told, dropped=self._told.dropped + lost, unsaid=lost)

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read_for_ever())
                group.create_task(self._send_for_ever())
        finally:
            self._backlog.clear()
            self._sink.close()

    # --- reading --------------------------------------------------------------------------------

    async def _read_for_ever(self) -> None:
        while True:
            try:
                await self._read()
            except DriverError:  # the supervisor comes back, and so does its log
                pass
            await self._ports.sleep(READ_AGAIN_S)

    async def _read(self) -> None:
        start, at_s = self._read_to, self._drain.since_s
        skipping: Place | None = None
        if start is not None:
            at_s = marked_at_s(start.mark) or at_s
            if await self._there(start, at_s):
                skipping = start
            else:
                self._backlog.lose(0, at_s)
        since_s = at_s if skipping is None else at_s - OUT_OF_ORDER_S
        place: Place | None = None
        tails, only = self._ports.tails, LogFilter(since_s=since_s)
        async for line in tails.logs(self._app, LINES_READ_MAX, True, only):
            place = _behind(place, line)
            if skipping is None:
                self._take(line, place)
            elif place == skipping or line.at_s > at_s + OUT_OF_ORDER_S:
                skipping = None

    async def _there(self, wanted: Place, at_s: float) -> bool:
        place: Place | None = None
        only = LogFilter(since_s=at_s - OUT_OF_ORDER_S)
        async for line in self._ports.tails.logs(self._app, LINES_READ_MAX, False, only):
            place = _behind(place, line)
            if place == wanted:
                return True
        return False

    def _take(self, line: LogLine, place: Place) -> None:
        self._read_to = place
        if not logplex.is_about_drains(line):
            self._backlog.put(line, place)

    # --- sending --------------------------------------------------------------------------------

    async def _send_for_ever(self) -> None:
        refusals = 0
        while True:
            await self._backlog.filled()
            if self._sink.linger_s:
                await self._ports.sleep(self._sink.linger_s)
            frame = self._backlog.frame(self._ports.new_id(), self._ports.now())
            self._in_hand = frame.lost
            refused = await self._until_answered(frame)
            self._in_hand = 0
            refusals = refusals + 1 if refused else 0
            if refused:
                self._refused(frame, refused)
                await self._ports.sleep(planning.again_s(refusals, self._ports.luck()))
            else:
                self._taken(frame)
            await self._say_lost()

    async def _until_answered(self, frame: Frame) -> str:
        """The same frame, with the same id, however often it takes."""
        failures = 0
        while True:
            try:
                return await self._sink.send(frame)
            except DriverError as error:
                failures += 1
                self._failed(error.message)
            await self._say_lost()
            await self._ports.sleep(planning.again_s(failures, self._ports.luck()))

    def _taken(self, frame: Frame) -> None:
        told = self._told
        self._told = replace(
            told,
            place=frame.place,
            delivered=told.delivered + frame.lines,
            dropped=told.dropped + frame.lost,
            delivered_at_s=self._ports.now(),
            failing_since_s=None,
            error="",
            error_at_s=None,
        )

    def _refused(self, frame: Frame, fact: str) -> None:
        """They will never be taken. That, too, is told with the next that are."""
        self._failed(fact)
        self._told = replace(self._told, place=frame.place)
        self._backlog.lose(frame.lost + frame.lines, self._ports.now())

    def _failed(self, fact: str) -> None:
        told, now_s = self._told, self._ports.now()
        since_s = now_s if told.failing_since_s is None else told.failing_since_s
        self._told = replace(
            told, retries=told.retries + 1, failing_since_s=since_s, error=fact, error_at_s=now_s
        )

    async def _say_lost(self) -> None:
        """In the app's own log, where whoever misses lines elsewhere looks for them."""
        backlog, now_s = self._backlog, self._ports.now()
        if backlog.lost_since_s is None or now_s - self._said_s < SAY_AGAIN_S:
            return
        self._said_s = now_s
        text = logplex.lost_text(backlog.lost, backlog.lost_since_s, self._told.drain)
        try:
            await self._ports.write(self._app, [LogLine(now_s, "heroku", "logplex", text)])
        except DriverError:  # then it is said next time
            self._said_s = float("-inf")


def _behind(place: Place | None, line: LogLine) -> Place:
    found = mark(line)
    again = place is not None and place.mark == found
    return Place(found, place.nth + 1 if again and place is not None else 1)
