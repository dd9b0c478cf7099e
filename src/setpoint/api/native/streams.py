"""What never ends by itself: an app's log, and the feed of everything that changes."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
from starlette.responses import Response, StreamingResponse

from setpoint.api import errors, find
from setpoint.api.call import Call
from setpoint.model.errors import SetpointError
from setpoint.model.ids import AppId
from setpoint.model.log import LogFilter
from setpoint.policy import logs as policy

LINES_DEFAULT, LINES_MAX = 100, 10_000
LOOK_AGAIN_S = 0.25
BOOKMARK_S = 5.0
"""A quiet feed still says how far it is, and finds out that its reader has gone."""

_encoder = msgspec.json.Encoder()


class Happened(msgspec.Struct, frozen=True):
    unit: str
    body: msgspec.Raw


class Bookmark(msgspec.Struct, frozen=True):
    """`at_s`: unix seconds of the server."""

    cursor: int
    at_s: float


async def logs(call: Call) -> Response:
    """One JSON object a line, oldest first. Who says since when wants all there is since then."""
    unit = await find.app(call, leaving=True)
    query = call.request.query_params
    source, dyno, since = (query.get(name, "") for name in ("source", "dyno", "since"))
    only = policy.selected(unit.name, source, dyno, since, call.asked.at_s)
    lines = call.count("lines", LINES_MAX if since else LINES_DEFAULT, LINES_MAX)
    body = _log_lines(call, unit.id, lines, only, follow=call.flag("follow"))
    return StreamingResponse(body, media_type="application/x-ndjson")


async def _log_lines(
    call: Call, app: AppId, lines: int, only: LogFilter, *, follow: bool
) -> AsyncIterator[bytes]:
    """An error after the first byte can only be one more line."""
    try:
        async for line in call.services.tails.logs(app, lines, follow, only):
            yield _encoder.encode(line) + b"\n"
    except SetpointError as error:
        yield _encoder.encode({"error": errors.body(error, call.asked.request_id)}) + b"\n"


async def watch(call: Call) -> Response:
    """Server-sent events from `?since=` or Last-Event-ID on, else from now on; ids are cursors to
    resume from, for as long as events are kept. Raises Gone."""
    resumed = call.request.headers.get("last-event-id", "")
    since: int | None
    if resumed.isdecimal():
        since = int(resumed)
    elif "since" in call.request.query_params:
        since = call.count("since", 0, 2**62)
    else:
        since = None
    floor, newest = await call.services.store.event_bounds()
    if since is not None and since < floor:
        raise errors.Gone(
            f"cannot watch from {since} on: events up to {floor} are kept no longer",
            f"look at what is now (GET /v1/status), then watch from {newest} on",
        )
    start = newest if since is None else since
    return StreamingResponse(_events(call, start), media_type="text/event-stream")


async def _events(call: Call, cursor: int) -> AsyncIterator[bytes]:
    store, now = call.services.store, call.services.now
    quiet_s = BOOKMARK_S
    while True:
        for event in await store.events(cursor):
            cursor, quiet_s = event.cursor, 0.0
            told = Happened(event.unit, msgspec.Raw(event.body))
            yield _event(cursor, event.type, _encoder.encode(told))
        if quiet_s >= BOOKMARK_S:
            quiet_s = 0.0
            yield _event(cursor, "bookmark", _encoder.encode(Bookmark(cursor, now())))
        await asyncio.sleep(LOOK_AGAIN_S)
        quiet_s += LOOK_AGAIN_S


def _event(cursor: int, type_: str, data: bytes) -> bytes:
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (cursor, type_.encode(), data)
