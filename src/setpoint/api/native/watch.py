"""The feed of everything that changes, as server-sent events (WHATWG HTML, section 9.2)."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec
from starlette.responses import Response

from setpoint.api import errors, find
from setpoint.api.call import Call
from setpoint.api.streamed import Streamed
from setpoint.model.ids import AppId
from setpoint.store.port import Event
from setpoint.views.feed import Bookmark, Feed, Lost
from setpoint.views.sight import Sight

RETRY_MS = 1000
"""How long a browser's EventSource waits before it comes back."""

_encode = msgspec.json.Encoder().encode


class Happened(msgspec.Struct, frozen=True):
    """`unit`: an app's id, '' for what is about the installation."""

    unit: str
    body: msgspec.Raw


class Quiet(msgspec.Struct, frozen=True):
    """A bookmark. `at_s`: unix seconds of the server; `behind_s`: the feed's own delay."""

    cursor: str
    at_s: float
    behind_s: float


async def watch(call: Call) -> Response:
    """Server-sent events from Last-Event-ID or `?since=` on, else from now on. `?app=`: of one app.

    Raises BadRequest for what is no cursor, Gone where events are missing, NotFound.
    """
    feed, query = call.services.feed, call.request.query_params
    actor = call.asked.actor
    app = query.get("app")
    unit = None
    if app is not None:
        unit = (await find.named(call.services.store, actor, app, "see", leaving=True)).id
    said = call.request.headers.get("last-event-id") or query.get("since")
    place = await _place(feed, said if said is not None else await feed.here())
    sight = Sight(call.services.store, actor)
    return Streamed(_stream(feed, place, sight, unit), media_type="text/event-stream")


async def _place(feed: Feed, said: str) -> int:
    try:
        return await feed.place(said)
    except ValueError as error:
        raise errors.BadRequest(
            f"cannot watch from that cursor on: {error}",
            "send one as it was received, or none to begin now",
        ) from None
    except Lost as error:
        raise errors.Gone(error.message, error.hint) from None


async def _stream(
    feed: Feed, place: int, sight: Sight, unit: AppId | None
) -> AsyncGenerator[bytes, None]:
    """After the first byte, that events are missing can only be one more event."""
    yield b"retry: %d\n\n" % RETRY_MS
    try:
        async with aclosing(feed.watch(place, unit, sight)) as coming:
            async for told in coming:
                yield _told(feed, told)
    except Lost as error:
        yield b"event: gone\ndata: %b\n\n" % _encode({"message": str(error)})


def _told(feed: Feed, told: Event | Bookmark) -> bytes:
    if isinstance(told, Bookmark):
        where = feed.cursor(told.place)
        return _event(where, "bookmark", _encode(Quiet(where, told.at_s, told.behind_s)))
    data = _encode(Happened(told.unit, msgspec.Raw(told.body)))
    return _event(feed.cursor(told.cursor), told.type, data)


def _event(id: str, type_: str, data: bytes) -> bytes:
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (id.encode(), type_.encode(), data)
