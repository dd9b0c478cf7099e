"""The route table as an ASGI application."""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from setpoint.api import errors
from setpoint.api.platform import elsewhere, unsupported
from setpoint.api.routes import ROUTES
from setpoint.api.serve import failed, serve, visit
from setpoint.api.services import Services
from setpoint.model.errors import NotFound, SetpointError


def make_app(services: Services) -> ASGIApp:
    """Serve this with uvicorn, on as many sockets as wanted."""
    app = Starlette(
        routes=[
            *(WebSocketRoute(e.path, visit(e, services)) for e in ROUTES if e.socket is not None),
            *(Route(e.path, serve(e, services), methods=[e.method]) for e in ROUTES),
        ],
        exception_handlers={HTTPException: _unrouted(services.new_id)},
    )
    return RawPath(app)


class RawPath:
    """Routes by what was sent: `a%2Fb` is one segment, whatever the framework would decode."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and scope.get("raw_path"):
            raw = scope["raw_path"].partition(b"?")[0].decode("latin-1")
            scope = {**scope, "path": raw}
        await self.app(scope, receive, send)


def _unrouted(new_id: Callable[[], str]) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, error: Exception) -> Response:
        response = failed(_as_ours(request, error), request_id := new_id())
        response.headers["Request-Id"] = request_id
        return response

    return answer


def _as_ours(request: Request, error: Exception) -> SetpointError:
    if isinstance(error, HTTPException) and error.status_code == 405:
        return errors.WrongMethod(f"cannot {request.method} this path: it has other methods")
    where = f"{request.url.scheme}://{request.headers.get('host', 'localhost')}{unsupported.PAGE}"
    if (refused := elsewhere.refusal(request.scope["path"], where)) is not None:
        return refused
    return NotFound("cannot find that: no such route", "see /v1/openapi.json for what there is")
