"""A job's terminal over a WebSocket: binary messages are its bytes, text messages are JSON.

To the client: `{"at": N, "input": N}` first, `{"input": N}` for what the job has taken of it, and
`{"code": N, "message": TEXT}` at its end. To the job: `{"taken": N}`, `{"eof": true}`,
`{"resize": [ROWS, COLUMNS]}`, `{"hangup": true}`. Counts are bytes since the job began; `?taken=`
and `?typed=` say how far a client is that comes back.
"""

import asyncio
import contextlib

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from setpoint.api import find
from setpoint.api.call import Call, Visit, count
from setpoint.api.permit import Permit, shown
from setpoint.api.sitting import Ended, sit_down
from setpoint.drivers.ports import Attachment
from setpoint.formats import terminal
from setpoint.formats.terminal import Frame, Kind, Place
from setpoint.intents import jobs
from setpoint.model.app import Unit
from setpoint.model.errors import DriverError, Invalid, NotFound, Transient
from setpoint.model.job import Job
from setpoint.policy.names import shortened

TRY_AGAIN_LATER, FORBIDDEN = 1012, 1008
TAKEN_MAX = 2**53


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One text message of a client."""

    taken: int | None = None
    resize: tuple[int, int] | None = None
    eof: bool = False
    hangup: bool = False


class Began(msgspec.Struct, frozen=True):
    at: int
    input: int


class InputTaken(msgspec.Struct, frozen=True):
    input: int


_encoder = msgspec.json.Encoder()
_told = msgspec.json.Decoder(Told)


async def plain(call: Call) -> None:
    """Without a WebSocket there is nothing here."""
    await find.app(call, jobs.VERB)
    raise Invalid("cannot attach: this address takes WebSockets only", "use `setpoint run`")


async def attach(visit: Visit) -> None:
    unit = await find.named(visit.services.store, visit.asked.actor, visit.param("app"), jobs.VERB)
    job = await _job(visit, unit)
    place = Place(*(count(visit.socket, name, 0, TAKEN_MAX) for name in ("taken", "typed")))
    await visit.socket.accept()
    with contextlib.suppress(WebSocketDisconnect):
        try:
            line = await sit_down(visit.services, job, place)
        except Transient:
            await visit.socket.close(TRY_AGAIN_LATER)
            return
        if isinstance(line, Ended):
            await _say(visit.socket, line)
            await visit.socket.close()
            return
        try:
            await _pass_on(visit.socket, line, _permit(visit, unit))
        except Transient:
            await visit.socket.close(TRY_AGAIN_LATER)
        finally:
            await line.close()


async def _job(visit: Visit, unit: Unit) -> Job:
    wanted = visit.param("job")
    rows = await visit.services.store.jobs(unit.id)
    found = next((job for job in rows if wanted in (job.id, job.dyno)), None)
    if found is None:
        raise NotFound(f"cannot attach to '{shortened(wanted)}': {unit.name} has no such job")
    if not found.attached:
        raise Invalid(
            f"cannot attach to {found.dyno}: it runs without a terminal",
            f"its output: setpoint logs {unit.name} --dyno {found.dyno}",
        )
    return found


def _permit(visit: Visit, unit: Unit) -> Permit:
    sent = visit.socket.headers.get("authorization", "")
    return Permit(visit.services, shown(visit.services, sent), "deploy", unit.id)


async def _until_it_ends(permit: Permit, socket: WebSocket, line: Attachment) -> None:
    """Whoever may not run commands any more is not at a terminal any more: it is hung up."""
    await permit.ended()
    await line.send(Frame(Kind.HANG_UP))
    await socket.close(FORBIDDEN)


async def _pass_on(socket: WebSocket, line: Attachment, permit: Permit) -> None:
    """Both ways until the job ends, somebody goes, or may not stay."""
    await _say(socket, Began(line.at, line.input_taken))
    ways = [asyncio.ensure_future(way(socket, line)) for way in (_out, _in)]
    ways.append(asyncio.ensure_future(_until_it_ends(permit, socket, line)))
    try:
        done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in done:
            way.result()
    finally:
        for way in ways:
            way.cancel()
            with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, DriverError):
                await way


async def _out(socket: WebSocket, line: Attachment) -> None:
    while True:
        frame = await line.receive()
        match frame.kind:
            case Kind.OUTPUT:
                await socket.send_bytes(frame.payload)
            case Kind.TAKEN:
                await _say(socket, InputTaken(terminal.count(frame.payload)))
            case Kind.END:
                end = terminal.ended(frame.payload)
                await _say(socket, Ended(end.code, end.text))
                await socket.close()
                return
            case _:
                raise Transient("cannot go on: the supervisor said what only a client says")


async def _in(socket: WebSocket, line: Attachment) -> None:
    """No more than a window ahead of what the job takes is the client's own duty; the lines in
    between hold little, and reading stops when they are full."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        if (data := message.get("bytes")) is not None:
            for first in range(0, len(data), terminal.PAYLOAD_BYTES_MAX):
                piece = data[first : first + terminal.PAYLOAD_BYTES_MAX]
                await line.send(Frame(Kind.INPUT, piece))
            continue
        try:
            told = _told.decode(message.get("text") or "")
        except msgspec.MsgspecError:
            await socket.close(1007)
            return
        for frame in _frames(told):
            await line.send(frame)


def _frames(told: Told) -> list[Frame]:
    frames: list[Frame] = []
    if told.taken is not None:
        frames.append(terminal.taken(max(0, min(told.taken, TAKEN_MAX))))
    if told.resize is not None:
        frames.append(terminal.resize(*told.resize))
    if told.eof:
        frames.append(Frame(Kind.INPUT_END))
    if told.hangup:
        frames.append(Frame(Kind.HANG_UP))
    return frames


async def _say(socket: WebSocket, told: msgspec.Struct) -> None:
    await socket.send_text(_encoder.encode(told).decode())
