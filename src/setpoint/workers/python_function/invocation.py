"""One invocation: completed headers, a deadline, an answer in any case, and one line about it."""

import asyncio
import json
import os
import resource
import select
import socket
import threading
import time
import traceback

from . import contexts, extra_info
from .figures import Figures

ANSWER_BYTES_MAX = 6 * 1024 * 1024
"""Salesforce's limit for a synchronous invocation. The edge holds it for what is sent."""
LINGER_S_MAX = 2.0
"""how long an answer waits for the rest of a request nobody wants any more"""
CONNECTION = "setpoint.connection"
"""in a request's scope: the socket that it came by"""
ANSWERING = 1
"""Its priority once an answer has begun, for who answers in place of a function that ran out of
memory (drivers/local/sandbox/shortage.py): two answers would garble each other."""
ID_CHARACTERS_MAX = 200
MOMENT_DIGITS_MAX = 14


class Invocations:
    """The ASGI application around the runtime's. `deadline_s`: per invocation. `start`: how this
    process came to be, `fork` or `fresh`.

    `late_at` and `busy` are for the watchdog's thread: when each running invocation must be over,
    and whether there is any.
    """

    def __init__(self, runtime, name: str, deadline_s: float, start: str, figures: Figures) -> None:
        self.runtime = runtime
        self.deadline_s = deadline_s
        self._start = start
        self._figures = figures
        self.late_at: dict[object, float] = {}
        self.busy = threading.Event()
        self._name = name
        self._served = 0

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            await self.runtime(scope, receive, send)
            return
        invocation = Invocation(self, scope, receive, send)
        self.late_at[invocation] = time.monotonic() + self.deadline_s
        self.busy.set()
        try:
            await invocation.run()
        finally:
            del self.late_at[invocation]
            if not invocation.is_health_check:
                self._record(invocation)

    def _record(self, invocation: "Invocation") -> None:
        cold, self._served = int(self._served == 0), self._served + 1
        status, run_ms, queue_ms = invocation.status or 0, invocation.run_ms, invocation.queue_ms
        peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self._figures.add(status, run_ms, queue_ms, peak_kib)
        write_line(
            f"fn={self._name} status={status} run={run_ms}ms"
            f" queue={'-' if queue_ms is None else f'{queue_ms}ms'} cold={cold}"
            f" start={self._start} peak={peak_kib // 1024}MB id={invocation.shown_id}"
        )


class Invocation:
    """`status`: what was answered, None before that. `queue_ms`: from the edge to this process,
    None where the edge was passed by."""

    def __init__(self, owner: Invocations, scope, receive, send) -> None:
        self._owner = owner
        self._scope = {**scope, "headers": contexts.completed(scope["headers"])}
        self._connection = self._scope.pop(CONNECTION)
        self._receive = receive
        self._send = send
        self._headers = dict(reversed(scope["headers"]))
        self._started_s = time.monotonic()
        self.queue_ms = _since_ms(self._headers.get(b"x-request-start", b""))
        self._request_read = False
        self._expired = self._too_large = False
        self.status: int | None = None

    @property
    def is_health_check(self) -> bool:
        return self._headers.get(b"x-health-check", b"").lower() == b"true"

    @property
    def run_ms(self) -> int:
        return round((time.monotonic() - self._started_s) * 1000)

    @property
    def shown_id(self) -> str:
        """The caller's ce-id. It chose it, so only what can't break the line is shown."""
        raw = self._headers.get(b"ce-id", b"-").decode("latin-1")[:ID_CHARACTERS_MAX]
        return "".join(c if "!" <= c <= "~" else "?" for c in raw)

    async def run(self) -> None:
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._owner.deadline_s, self._expire, task)
        try:
            await self._owner.runtime(self._scope, self._receiving, self._sending)
        except asyncio.CancelledError:
            if not self._expired:
                raise
            await self._too_late()
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            await self._raised(error)
        finally:
            timer.cancel()

    def _expire(self, task: asyncio.Task) -> None:
        self._expired = True
        task.cancel()

    # --- between the server and the runtime ---

    async def _receiving(self):
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body"):
            self._request_read = True
        return message

    async def _sending(self, message) -> None:
        """One request per connection: then a connection is an invocation, for limit and drain."""
        if self._too_large:
            return
        if message["type"] == "http.response.start":
            size = _length(message["headers"])
            if size > ANSWER_BYTES_MAX:
                await self._answer_instead(size)
                return
            await self._read_to_the_end()
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, ANSWERING)
            self.status = message["status"]
            headers = [*message["headers"], (b"connection", b"close")]
            message = {**message, "headers": headers}
        await self._send(message)

    async def _read_to_the_end(self) -> None:
        """Closing on an unread request resets the connection before the answer is seen."""
        try:
            async with asyncio.timeout(LINGER_S_MAX):
                while not self._request_read:
                    await self._receiving()
        except TimeoutError:
            self._request_read = True

    # --- where the runtime has no answer ---

    async def _too_late(self) -> None:
        text = f"Function exceeded its deadline of {self._owner.deadline_s:g} s"
        await self._answer(504, text, text)

    async def _answer_instead(self, size: int) -> None:
        text = f"Function returned {size} bytes, which is more than the {ANSWER_BYTES_MAX} allowed"
        await self._answer(500, text, text)
        self._too_large = True

    async def _raised(self, error: BaseException) -> None:
        """sys.exit() in a function, a message no encoding can carry, ..."""
        cause = error
        while isinstance(cause, UnicodeError | TypeError) and cause.__context__ is not None:
            cause = cause.__context__
        text = f"Exception occurred while executing function: {type(cause).__name__}: {cause}"
        await self._answer(500, text, "".join(traceback.format_exception(cause)))

    async def _answer(self, status: int, text: str, stack: str) -> None:
        """In the form of the runtime's own answers, unless one is on its way already."""
        if self.status is not None:
            return
        info = {
            "requestId": self._headers.get(b"ce-id", b"n/a").decode("latin-1"),
            "source": self._headers.get(b"ce-source", b"n/a").decode("latin-1"),
            "statusCode": status,
            "execTimeMs": self.run_ms,
            "stack": stack,
            "isFunctionError": True,
        }
        body = json.dumps(text).encode()  # ASCII, lone surrogates included
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (extra_info.NAME.encode(), extra_info.encode(info).encode()),
        ]
        await self._sending({"type": "http.response.start", "status": status, "headers": headers})
        await self._sending({"type": "http.response.body", "body": body})


def _length(headers) -> int:
    return next((int(value) for name, value in headers if name == b"content-length"), 0)


def _since_ms(moment_ms: bytes) -> int | None:
    """`x-request-start`, in milliseconds since 1970: on the way here nobody sets the clock."""
    if not moment_ms.isdigit() or len(moment_ms) > MOMENT_DIGITS_MAX:
        return None
    return max(0, round(time.time() * 1000) - int(moment_ms))


def write_line(line: str) -> None:
    """To the app's log, unless its pipe is full: a record is not worth a stalled function."""
    if select.select([], [1], [], 0)[1]:
        os.write(1, f"{line}\n".encode())
