"""Where frames of log lines are sent: by syslog over TCP or TLS, or by https."""

import base64
from typing import Protocol

from setpoint.drivers.outgoing import Outgoing, Posts, Streams
from setpoint.formats import logplex
from setpoint.model.drain import Frame, token
from setpoint.model.errors import Transient
from setpoint.model.target import Target, target

BUSY = (408, 425, 429)


class Sink(Protocol):
    """One receiver. `host`: whom lines come from there. `linger_s`: worth waiting for more."""

    host: str
    linger_s: float

    async def send(self, frame: Frame) -> str:
        """'' once it is taken, else why it never will be. Raises Transient, Terminal where it is
        to be tried again."""
        ...

    def close(self) -> None: ...


def sink(outgoing: Outgoing, drain: str, url: str) -> Sink:
    to = target(url)
    return Https(outgoing, drain, to) if to.scheme == "https" else Syslog(outgoing, drain, to)


class Syslog:
    """Nobody answers there: what was handed to the network counts as taken."""

    linger_s = 0.0

    def __init__(self, outgoing: Outgoing, drain: str, to: Target) -> None:
        self.host = token(drain)
        self._outgoing = outgoing
        self._to = to
        self._open: Streams | None = None

    async def send(self, frame: Frame) -> str:
        if self._open is not None and self._left(self._open):
            self.close()
        try:
            if self._open is None:
                secure = self._to.scheme == "syslog+tls"
                self._open = await self._outgoing.connect(self._to, secure=secure)
                self._open[1].transport.set_write_buffer_limits(0)
            _, writer = self._open
            async with self._outgoing.trying(self._to):
                writer.writelines(frame.messages)
                await writer.drain()
        except BaseException:
            self.close()
            raise
        return ""

    def close(self) -> None:
        if self._open is not None:
            self._open[1].transport.abort()
            self._open = None

    def _left(self, streams: Streams) -> bool:
        reader, writer = streams
        return reader.at_eof() or reader.exception() is not None or writer.is_closing()


class Https:
    """Batches, one second apart at most."""

    host = logplex.HOST
    linger_s = 1.0

    def __init__(self, outgoing: Outgoing, drain: str, to: Target) -> None:
        self._drain = drain
        self._to = to
        self._posts = Posts(outgoing, to)

    async def send(self, frame: Frame) -> str:
        headers = {**logplex.headers(frame, self._drain), **basic(self._to)}
        status = await self._posts.post(headers, b"".join(frame.messages))
        if 200 <= status < 300:
            return ""
        if status >= 500 or status in BUSY:
            raise Transient(f"cannot send to {self._to.shown}: it answers {status}")
        return f"{self._to.shown} answers {status}"

    def close(self) -> None:
        self._posts.close()


def basic(to: Target) -> dict[str, str]:
    if not to.user and not to.password:
        return {}
    said = base64.b64encode(f"{to.user}:{to.password}".encode()).decode()
    return {"Authorization": f"Basic {said}"}
