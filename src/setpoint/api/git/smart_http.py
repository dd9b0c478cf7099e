"""git's smart HTTP, as gitprotocol-http(5) has it. git itself speaks; this carries bytes."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.api.errors import BadRequest, TooLarge
from setpoint.api.git.push import Push
from setpoint.api.streamed import Streamed
from setpoint.drivers.git.receiving import inflated, receive, spoken
from setpoint.drivers.git.repositories import Repositories, end
from setpoint.formats import git
from setpoint.intents import apps, deploys
from setpoint.model.app import Unit
from setpoint.model.errors import NotFound, OverLimit
from setpoint.policy import access, headroom, names

PUSH, FETCH = "git-receive-pack", "git-upload-pack"
FRESH = {"Cache-Control": "no-cache"}
CHUNK_BYTES = 64 * 1024
QUESTION_BYTES_MAX = 8 * 1024 * 1024
"""what a fetch may say of what it has"""
PUSH_S_MAX = 3600.0
"""of a conversation, its build included: a client that hangs must not lock others out"""


async def info_refs(call: Call) -> Response:
    """What there is to fetch, or to push on. An app that is not there yet has nothing: the push
    itself creates it."""
    service = call.request.query_params.get("service", "")
    if service not in (PUSH, FETCH):
        raise BadRequest("cannot show the repository: git's smart protocol is all that is spoken")
    if service == PUSH:
        access.authorise(call.asked.actor, deploys.VERB, call.param("app"))
        _check_room(call)
    repositories = call.services.repositories
    unit = await _unit_or_none(call, creates=service == PUSH)
    repository = repositories.of(unit.id) if unit is not None else repositories.empty
    await repositories.ensure(repository)
    if service == PUSH:
        await repositories.check_room(repository)
    words = (service.removeprefix("git-"), "--stateless-rpc", "--advertise-refs", str(repository))
    refs = await repositories.ask(words, None, _spoken(call))
    return Response(
        git.advertised(service, refs), 200, FRESH, f"application/x-{service}-advertisement"
    )


async def push(call: Call) -> Response:
    """All of it is taken in first; the answer then goes on as long as the build does."""
    _check_room(call)
    repositories = call.services.repositories
    unit = await _unit_or_none(call, creates=True)
    created = unit is None
    if unit is None:
        unit = await apps.create(call.services.door, call.asked, call.param("app"))
    await repositories.ensure(repository := repositories.of(unit.id))
    receiving = await receive(
        repositories, repository, call.request.headers.get("git-protocol", "")
    )
    try:
        await receiving.feed(_body(call))
    except BaseException as error:
        receiving.close()
        if isinstance(error, OverLimit):
            raise TooLarge(error.message, error.hint) from None
        raise
    return _Conversation(Push(call, unit, receiving, created=created))


async def fetch(call: Call) -> Response:
    unit = await find.app(call, "fetch from")
    repositories = call.services.repositories
    await repositories.ensure(repository := repositories.of(unit.id))
    question = bytearray()
    async for chunk in _body(call):
        question += chunk
        if len(question) > QUESTION_BYTES_MAX:
            raise TooLarge("cannot fetch: the question is too long")
    answer = _fetched(
        call, repositories, ("upload-pack", "--stateless-rpc", str(repository)), question
    )
    return Streamed(answer, 200, FRESH, f"application/x-{FETCH}-result")


class _Conversation(Streamed):
    """What git says to the client, while the push is decided on beside it. Whatever becomes of the
    client, even before the first byte, the push ends with this."""

    def __init__(self, push: Push) -> None:
        super().__init__(self._said(), 200, FRESH, f"application/x-{PUSH}-result")
        self._push = push

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        deciding = asyncio.ensure_future(self._push.decide())
        try:
            async with asyncio.timeout(PUSH_S_MAX):
                await super().__call__(scope, receive, send)
        finally:
            deciding.cancel()
            self._push.end()

    async def _said(self) -> AsyncGenerator[bytes, None]:
        async for chunk in self._push.receiving.output():
            yield chunk


async def _fetched(
    call: Call, repositories: Repositories, words: tuple[str, ...], question: bytearray
) -> AsyncGenerator[bytes, None]:
    process = await repositories.start(words, None, _spoken(call), (), asyncio.subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PUSH_S_MAX):
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                process.stdin.write(question)
                await process.stdin.drain()
                process.stdin.write_eof()
            while chunk := await process.stdout.read(CHUNK_BYTES):
                yield chunk
    finally:
        end(process)


async def _unit_or_none(call: Call, *, creates: bool) -> Unit | None:
    """Where a push may create it, None for none, as long as it could be called so."""
    try:
        return await find.app(call, deploys.VERB if creates else "fetch from")
    except NotFound:
        if not creates:
            raise
        names.check_app(call.param("app"))
        return None


def _body(call: Call) -> AsyncIterator[bytes]:
    packed = call.request.headers.get("content-encoding", "") in ("gzip", "x-gzip")
    return inflated(call.chunks()) if packed else call.chunks()


def _spoken(call: Call) -> dict[str, str]:
    return spoken(call.request.headers.get("git-protocol", ""))


def _check_room(call: Call) -> None:
    door = call.services.door
    headroom.check("take a push", door.headroom(), door.retention)
