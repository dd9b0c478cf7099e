"""What happens around every handler: who asks, the body within bounds, one answer or one error."""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import cast

import msgspec
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketState

from setpoint.api import errors, find, headers, pages, permit, signing, warnings
from setpoint.api.call import NEXT_RANGE, Call, Endpoint, Visit
from setpoint.api.services import Services
from setpoint.api.streamed import Streamed
from setpoint.model.change import Actor, Asked
from setpoint.model.errors import Forbidden, SetpointError
from setpoint.policy import access
from setpoint.policy.access import Need

log = logging.getLogger("setpoint.api")

NOBODY = Actor("nobody", "", "read", "granted")
"""Who asks where no token is needed."""
OWN_PAGES = ("none", "same-origin")
"""`none`: a person typed the address."""
PLAIN = "text/plain"
"""What a client accepts that wants an answer's lines and nothing else, where it has any."""
_encoder = msgspec.json.Encoder()


def serve(endpoint: Endpoint, services: Services) -> Callable[[Request], Awaitable[Response]]:
    body_type = endpoint.body

    async def handle(request: Request) -> Response:
        started = time.perf_counter()
        request_id = headers.request_id(request.headers.get("request-id", "")) or services.new_id()
        response = await _answered(endpoint, services, request, request_id, body_type)
        response.headers["Request-Id"] = request_id
        _log(endpoint, request, response.status_code, request_id, time.perf_counter() - started)
        return response

    return handle


async def _answered(
    endpoint: Endpoint,
    services: Services,
    request: Request,
    request_id: str,
    body_type: object | None,
) -> Response:
    try:
        _check_caller(request)
        actor = await _actor(services, request, endpoint.need)
        call = Call(services, request, _asked(services, request, actor, request_id))
        if body_type is None:
            result = await endpoint.run(call)
        else:
            result = await endpoint.run(call, await _body(request, endpoint, body_type))
        await warnings.warn(endpoint, call)
        if isinstance(result, Streamed) and endpoint.need != "none":
            await _bound(endpoint, call, result)
        return _response(endpoint, call, result)
    except SetpointError as error:
        in_words = headers.is_git(request.headers.get("user-agent", ""))
        return failed(error, request_id, in_words=in_words)
    except Exception:
        log.exception("request.failed", extra={"request_id": request_id, "route": endpoint.path})
        return encoded(errors.bug(request_id), 500)


async def _bound(endpoint: Endpoint, call: Call, response: Streamed) -> None:
    """What is sent ends with the permission to see it."""
    sent, app = call.request.headers.get("authorization", ""), None
    if "{app}" in endpoint.path:
        app = (await find.app(call, leaving=True)).id
    held = permit.Permit(call.services, permit.shown(call.services, sent), endpoint.need, app)
    response.said = permit.while_it_lasts(held, response.said)


def visit(endpoint: Endpoint, services: Services) -> Callable[[WebSocket], Awaitable[None]]:
    """As `serve`, for a WebSocket: a refusal is an ordinary answer, before anything is accepted."""
    assert endpoint.socket is not None
    enter = endpoint.socket

    async def handle(socket: WebSocket) -> None:
        request_id = headers.request_id(socket.headers.get("request-id", "")) or services.new_id()
        try:
            _check_caller(socket)
            actor = await _actor(services, socket, endpoint.need)
            await enter(Visit(services, socket, _asked(services, socket, actor, request_id)))
        except SetpointError as error:
            if socket.application_state is not WebSocketState.CONNECTING:
                raise
            await socket.send_denial_response(failed(error, request_id))

    return handle


async def _actor(services: Services, request: HTTPConnection, need: Need) -> Actor:
    """By the token alone: of roles, only those who find the app can tell."""
    if need == "none":
        return NOBODY
    token = headers.token(request.headers.get("authorization", ""))
    actor = await signing.actor(services, token)
    if actor is None:
        fact = "the token is unknown, or good no more" if token else "no token was sent"
        raise errors.Unauthorized(f"cannot answer: {fact}", "send 'Authorization: Bearer TOKEN'")
    access.check(actor, need, "cannot do this")
    return actor


def _check_caller(request: HTTPConnection) -> None:
    """Browsers send a remembered password along with what any page asks for, an app's own page
    included; they tell so in this header, which no page can set."""
    if request.headers.get("sec-fetch-site", "none") not in OWN_PAGES:
        raise Forbidden("cannot answer: a browser asks for a page that is not of this address")


def _asked(services: Services, request: HTTPConnection, actor: Actor, request_id: str) -> Asked:
    sent = request.headers
    why = headers.why(sent.get("commit-message", ""))
    return Asked(
        actor=actor,
        via=headers.via(sent.get("x-setpoint-via", ""), sent.get("user-agent", "")),
        at_s=services.now(),
        why=why,
        why_source=headers.why_source(sent.get("x-setpoint-why", ""), why),
        on_behalf_of=headers.text(sent.get("x-setpoint-on-behalf-of", "")),
        request_id=request_id,
        idempotency_key=sent.get("idempotency-key", "")[:200],
    )


async def _body(request: Request, endpoint: Endpoint, type_: object) -> object:
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > endpoint.body_bytes_max:
            limit = endpoint.body_bytes_max // 1024
            raise errors.TooLarge(f"cannot read the request body: it is larger than {limit} KiB")
    try:
        return msgspec.json.decode(bytes(read) or b"{}", type=type_)
    except msgspec.ValidationError as error:
        raise errors.Invalid(f"cannot read the request body: {_lower(error)}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise errors.BadRequest(f"cannot read the request body: {_lower(error)}") from None


def _lower(error: Exception) -> str:
    """msgspec starts with a capital; as a fact behind a colon it should not."""
    text = str(error)
    return text if text.startswith("JSON") else text[:1].lower() + text[1:]


def _response(endpoint: Endpoint, call: Call, result: object) -> Response:
    if isinstance(result, Response):
        return result
    lines = getattr(result, "lines", None)
    if lines is not None and call.request.headers.get("accept") == PLAIN:
        return Response("\n".join(lines), endpoint.status, call.headers, PLAIN)
    status, extra = endpoint.status, call.headers
    if endpoint.paged:
        result = call.page(cast("tuple[pages.Identified, ...]", result))
    if NEXT_RANGE in extra:
        status = 206
    return encoded(result, status, extra)


def encoded(value: object, status: int, extra: dict[str, str] | None = None) -> Response:
    return Response(_encoder.encode(value), status, extra, "application/json")


def failed(error: SetpointError, request_id: str, *, in_words: bool = False) -> Response:
    """`in_words`: for a client that reads no JSON."""
    answer = errors.answer(error)
    extra = {"WWW-Authenticate": 'Basic realm="setpoint"'} if answer.status == 401 else None
    if in_words:
        return Response(f"{error}\n", answer.status, extra, "text/plain")
    return encoded(errors.body(error, request_id), answer.status, extra)


def _log(endpoint: Endpoint, request: Request, status: int, request_id: str, took_s: float) -> None:
    told = {
        "method": endpoint.method,
        "route": endpoint.path,
        "status": status,
        "duration_ms": round(took_s * 1000, 1),
        "request_id": request_id,
        "agent": headers.product(request.headers.get("user-agent", "")),
    }
    log.info("request.answered", extra=told)
