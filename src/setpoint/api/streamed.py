"""An answer that goes on, and what becomes of it when nobody reads on."""

from collections.abc import AsyncGenerator, Mapping

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send


class Streamed(StreamingResponse):
    """Its body is closed with the connection. Starlette leaves one that was not read to its end to
    the collector of garbage: until that comes by, whoever has gone would count as watching, and
    hold a line to the supervisor, or a process of git."""

    def __init__(
        self,
        body: AsyncGenerator[bytes, None],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        super().__init__(body, status_code, headers, media_type)
        self.said = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.body_iterator = self.said
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self.said.aclose()
