"""Logs as Heroku's clients read them: ask for an address, then read from it without a token."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec
from starlette.responses import Response

from setpoint.api import find, permit
from setpoint.api.call import Call
from setpoint.api.permit import Permit
from setpoint.api.services import Services
from setpoint.api.streamed import Streamed
from setpoint.api.until import until
from setpoint.formats.heroku import log_lines, read, shapes, write
from setpoint.model.errors import NotFound, SetpointError
from setpoint.model.ids import AppId
from setpoint.model.log import LogFilter
from setpoint.policy import logs as policy

LINES_DEFAULT, LINES_MAX = 100, 1500
LINES_KEPT_MAX = 10_000
"""How far back a line is looked for that a reader saw last."""
GOOD_S = 3600.0
PURPOSE = "log"
EVENTS = "text/event-stream"
ALONE = {"Connection": "close"}
"""A connection that serves nothing else ends with its stream, however that comes: Heroku's client
then takes the end of a daemon that is killed for an end in order, and comes back."""


class Reading(msgspec.Struct, frozen=True):
    """What an address lets read. `until_s`: unix seconds. `digest`: of the token that asked for it,
    as hexadecimal digits: it is good no longer than that."""

    app: AppId
    lines: int
    tail: bool
    only: LogFilter
    until_s: float
    digest: str = ""

    def permit(self, services: Services) -> Permit:
        return Permit(services, bytes.fromhex(self.digest), "view", self.app)


async def create(call: Call, body: read.NewLogSession) -> shapes.LogSession:
    unit = await find.app(call, leaving=True)
    at_s = call.asked.at_s
    only = policy.selected(unit.name, body.source or "", body.of, "", at_s)
    wanted = LINES_DEFAULT if body.lines is None else body.lines
    lines = min(max(wanted, 0), LINES_MAX)
    shown = permit.shown(call.services, call.request.headers.get("authorization", ""))
    reading = Reading(unit.id, lines, bool(body.tail), only, at_s + GOOD_S, shown.hex())
    ticket = call.services.tickets.issue(PURPOSE, msgspec.json.encode(reading))
    # Heroku's clients of majors 8 and 9 look into the address for whether it goes on.
    url = f"{call.base_url}/log-streams/{ticket}{'?tail=true' if reading.tail else ''}"
    return shapes.LogSession(call.services.new_id(), url, write.when(at_s), write.when(at_s))


async def stream(call: Call) -> Response:
    """Server-sent events for whoever asks for them, else plain lines."""
    reading = await _reading(call)
    held = reading.permit(call.services)
    if EVENTS not in call.request.headers.get("accept", ""):
        plain = permit.while_it_lasts(held, _plain(call, reading))
        return Streamed(plain, media_type="text/plain; charset=utf-8")
    seen = call.request.headers.get("last-event-id", "")
    told = permit.while_it_lasts(held, _events(call, reading, seen))
    return Streamed(told, headers=ALONE, media_type=EVENTS)


async def _reading(call: Call) -> Reading:
    content = call.services.tickets.read(PURPOSE, call.param("ticket"))
    reading = msgspec.json.decode(content, type=Reading) if content is not None else None
    good = reading is not None and reading.until_s >= call.asked.at_s
    if reading is None or not good or not await reading.permit(call.services).lasts():
        raise NotFound("cannot read the log: this address is not good any more")
    return reading


async def _plain(call: Call, reading: Reading) -> AsyncGenerator[bytes, None]:
    told = call.services.tails.logs(reading.app, reading.lines, reading.tail, reading.only)
    try:
        async with aclosing(told):
            async for line in told:
                yield log_lines.plain(line)
    except SetpointError as error:
        yield f"{error}\n".encode()


async def _events(call: Call, reading: Reading, seen: str) -> AsyncGenerator[bytes, None]:
    """A line that breaks ends the stream: the reader comes back, and says what it saw last."""
    yield log_lines.RETRY
    tails = call.services.tails
    try:
        lines, only, skip = await _start(call, reading, seen)
        told = tails.logs(reading.app, lines, reading.tail, only)
        async with aclosing(until(call.services.ending, told)) as coming:
            async for line in coming:
                if not skip:
                    yield log_lines.event(line)
                elif log_lines.mark(line) == seen:
                    skip -= 1
    except SetpointError:
        return


async def _start(call: Call, reading: Reading, seen: str) -> tuple[int, LogFilter, int]:
    """(how many lines, which, how often the line seen last is among them: then the last of these
    is where it goes on). If it is kept no longer, what is younger."""
    seen_s = log_lines.marked_at_s(seen)
    if seen_s is None:
        return reading.lines, reading.only, 0
    tails = call.services.tails
    count = 0
    async for line in tails.logs(reading.app, LINES_KEPT_MAX, False, reading.only):
        count += log_lines.mark(line) == seen
    if count:
        return LINES_KEPT_MAX, reading.only, count
    return LINES_KEPT_MAX, msgspec.structs.replace(reading.only, since_s=seen_s), 0
