"""One request as a handler sees it, and one row of the route table."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, get_type_hints
from urllib.parse import unquote

from starlette.requests import HTTPConnection, Request
from starlette.websockets import WebSocket

from setpoint.api import pages
from setpoint.api.errors import BadRequest
from setpoint.api.services import Services
from setpoint.model.change import Asked
from setpoint.policy.access import Need

Thing = TypeVar("Thing", bound=pages.Identified)
NEXT_RANGE = "Next-Range"


@dataclass(frozen=True)
class Call:
    """`headers`: what the handler wants on its answer besides the body."""

    services: Services
    request: Request
    asked: Asked
    headers: dict[str, str] = field(default_factory=dict[str, str])

    def param(self, name: str) -> str:
        """A segment of the path. Routing is on the raw path, so decoding happens here, once."""
        return unquote(self.request.path_params[name])

    def flag(self, name: str) -> bool:
        return self.request.query_params.get(name, "").lower() in ("1", "true", "yes")

    def count(self, name: str, default: int, most: int) -> int:
        """A bounded whole number of the query. Raises BadRequest."""
        return count(self.request, name, default, most)

    def page(self, items: Sequence[Thing]) -> tuple[Thing, ...]:
        """The part of a long list that Range asks for, before anything is made of it. `items`: in
        ascending order."""
        found, more = pages.cut(self.request.headers.get("range", ""), items)
        if more:
            self.headers[NEXT_RANGE] = more
        return found

    def chunks(self) -> AsyncIterator[bytes]:
        return self.request.stream()

    @property
    def body_bytes_told(self) -> int:
        """What the sender says the body has, 0 where it does not. The server reads no more."""
        said = self.request.headers.get("content-length", "")
        return int(said) if said.isdecimal() else 0

    @property
    def base_url(self) -> str:
        """Where the caller reached us, for URLs in answers."""
        return f"{self.request.url.scheme}://{self.request.headers.get('host', 'localhost')}"


@dataclass(frozen=True)
class Visit:
    """One WebSocket as its handler sees it; not accepted yet."""

    services: Services
    socket: WebSocket
    asked: Asked

    def param(self, name: str) -> str:
        return unquote(self.socket.path_params[name])


@dataclass(frozen=True)
class Endpoint:
    """A row of the table. Body and answer types are read off the handler's own signature.

    `need`: what whoever comes must be allowed; of what is about an app, a role on it.
    `paged`: the answer is a list that follows Heroku's Range convention, and is cut here; handlers
    of lists that may be very long ask `Call.page` themselves.
    """

    method: str
    path: str
    run: Callable[..., Awaitable[object]]
    need: Need
    summary: str
    status: int = 200
    paged: bool = False
    socket: "Callable[[Visit], Awaitable[None]] | None" = None
    """what serves a WebSocket there, once who asks may"""
    body_bytes_max: int = 8 * 1024 * 1024
    query: tuple[str, ...] = ()
    """what may be said in the query; a test holds this true"""
    refused: str = ""
    """why, where it is there only to say No"""

    @property
    def body(self) -> object | None:
        return get_type_hints(self.run).get("body")

    @property
    def answer(self) -> object | None:
        return get_type_hints(self.run).get("return")


def count(said: HTTPConnection, name: str, default: int, most: int) -> int:
    """A bounded whole number of the query. Raises BadRequest."""
    text = said.query_params.get(name, str(default))
    if not text.isdecimal() or len(text) > 18:
        raise BadRequest(f"cannot read the query: {name} is not a whole number")
    return min(int(text), most)
