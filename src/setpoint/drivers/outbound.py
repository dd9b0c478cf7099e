"""The client that fetches from addresses that a user can choose, and posts a digest to one.

Such an address may name this machine or its neighbours, directly or by a name that resolves to
them. So the name is resolved once, each address is judged (`policy.addresses`), and the connection
goes to the judged one. Redirects stay on the host; size and time are bounded. What is sent all day
long goes by `outgoing`, by the same judgement. The operator may open private networks.
"""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO
from urllib.parse import SplitResult, urljoin, urlsplit

from setpoint.model.errors import DriverError, Terminal, Transient
from setpoint.policy.addresses import ALLOW, Network, networks, permits

__all__ = ["ALLOW", "Rules", "fetch", "judged", "networks", "post"]

REDIRECTS_MAX = 5
CHUNK_BYTES = 256 * 1024
WAIT_S = 20.0
"""for one answer of the other side"""


@dataclass(frozen=True)
class Rules:
    """`allowed`: beside public addresses. `bytes_max`, `time_s_max`: of one fetch in all."""

    allowed: tuple[Network, ...]
    bytes_max: int
    time_s_max: float

    def permits(self, address: str) -> bool:
        return permits(address, self.allowed)


def fetch(url: str, into: BinaryIO, rules: Rules) -> None:
    """GET an https address. Raises Terminal where the address or its answer is at fault, Transient
    where trying again may help."""
    with _Deadline(rules.time_s_max) as deadline:
        for _ in range(REDIRECTS_MAX):
            moved = _get(urlsplit(url), into, rules, deadline)
            if moved is None:
                return
            url = _next(url, moved)
    raise _cannot(url, f"it leads on more than {REDIRECTS_MAX} times")


class _Deadline:
    """Ends whatever connection is open once the time is up, however slowly it trickles."""

    def __init__(self, time_s_max: float) -> None:
        self.over = False
        self._lock = threading.Lock()
        self._open: socket.socket | None = None
        self._timer = threading.Timer(time_s_max, self._end)
        self._timer.daemon = True

    def __enter__(self) -> "_Deadline":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self.watch(None)

    def watch(self, connection: socket.socket | None) -> None:
        """Of a copy: TLS wraps and detaches the one that is given."""
        copied = connection.dup() if connection is not None else None
        with self._lock:
            before, self._open = self._open, copied
        if before is not None:
            before.close()
        if self.over:
            self._end()

    def _end(self) -> None:
        self.over = True
        with self._lock, contextlib.suppress(OSError):
            if self._open is not None:
                self._open.shutdown(socket.SHUT_RDWR)


def post(url: str, body: bytes, headers: Mapping[str, str], rules: Rules) -> None:
    """POST to an https address that takes it; what it answers beside that is not read. Nobody is
    followed elsewhere with it. Raises as `fetch` does."""
    with _Deadline(rules.time_s_max) as deadline:
        ask = _Ask("POST", urlsplit(url), body, headers)
        with _answered(ask, rules, deadline) as answer:
            if not 200 <= answer.status < 300:
                _check_status(url, answer.status, "send to")


@dataclass(frozen=True)
class _Ask:
    method: str
    parts: SplitResult
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def verb(self) -> str:
        return "send to" if self.method == "POST" else "fetch"


def _get(parts: SplitResult, into: BinaryIO, rules: Rules, deadline: _Deadline) -> str | None:
    """None when it was written to `into`, else where it leads."""
    url = parts.geturl()
    with _answered(_Ask("GET", parts), rules, deadline) as answer:
        if answer.status in (301, 302, 303, 307, 308):
            return answer.getheader("Location") or ""
        _check_status(url, answer.status, "fetch")
        _copy(url, answer, into, rules)
    return None


@contextlib.contextmanager
def _answered(ask: _Ask, rules: Rules, deadline: _Deadline) -> Generator[http.client.HTTPResponse]:
    """Raises Terminal, Transient; also for what goes wrong while the answer is read."""
    url = ask.parts.geturl()
    if ask.parts.scheme != "https" or not ask.parts.hostname:
        raise _cannot(url, "it is no https address", verb=ask.verb)
    path = (ask.parts.path or "/") + (f"?{ask.parts.query}" if ask.parts.query else "")
    connection = _Checked(ask.parts.hostname, ask.parts.port or 443, rules, deadline)
    with contextlib.closing(connection):
        try:
            sent = {"User-Agent": "setpoint", "Accept": "*/*", **ask.headers}
            connection.request(ask.method, path, body=ask.body, headers=sent)
            with connection.getresponse() as answer:
                yield answer
        except ssl.SSLCertVerificationError as error:
            fact = f"its certificate is not trusted ({error.verify_message})"
            raise _cannot(url, fact, verb=ask.verb) from None
        except (OSError, http.client.HTTPException) as error:
            words = _words(error)
            if deadline.over:
                words = f"it takes over {rules.time_s_max:g} s"
            raise Transient(f"cannot {ask.verb} {_shown(url)}: {words}") from None
    if deadline.over:
        raise Transient(f"cannot {ask.verb} {_shown(url)}: it takes over {rules.time_s_max:g} s")


def _copy(url: str, answer: http.client.HTTPResponse, into: BinaryIO, rules: Rules) -> None:
    size = 0
    while chunk := answer.read1(CHUNK_BYTES):
        size += len(chunk)
        if size > rules.bytes_max:
            raise _cannot(url, f"it is over {rules.bytes_max // (1024 * 1024)} MiB")
        into.write(chunk)
    if answer.length:
        raise http.client.IncompleteRead(b"")


class _Checked(http.client.HTTPSConnection):
    """Connects to an address that was judged, and shows the name that was asked for."""

    def __init__(self, host: str, port: int, rules: Rules, deadline: _Deadline) -> None:
        self._rules = rules
        self._deadline = deadline
        self._tls = ssl.create_default_context()
        super().__init__(host, port, timeout=WAIT_S, context=self._tls)

    def connect(self) -> None:
        plain = _connected(self.host, self.port, self._rules)
        try:
            self._deadline.watch(plain)
            self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise


def _connected(host: str, port: int, rules: Rules) -> socket.socket:
    failed: OSError | None = None
    for address in judged(host, port, rules.allowed):
        try:
            return socket.create_connection((address, port), WAIT_S)
        except OSError as error:
            failed = error
    assert failed is not None
    raise failed


def judged(host: str, port: int, allowed: tuple[Network, ...]) -> list[str]:
    """Its addresses, looked up now, that may be connected to: at least one. A name is not asked for
    again afterwards, since it might lead elsewhere by then. Raises Transient, Terminal."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Transient(f"cannot reach {host}: the name is not known") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    fine = [address for address in addresses if permits(address.partition("%")[0], allowed)]
    if not fine:
        raise Terminal(
            f"cannot reach {host}: {addresses[0]} is not a public address",
            f"the operator may open networks with {ALLOW}",
        )
    return fine


def _next(url: str, location: str) -> str:
    here, there = urlsplit(url), urlsplit(urljoin(url, location))
    if (here.scheme, here.hostname, here.port) != (there.scheme, there.hostname, there.port):
        raise _cannot(
            url,
            f"it leads to another host, {there.hostname}",
            f"name that address instead: {_shown(there.geturl())}",
        )
    return there.geturl()


def _check_status(url: str, status: int, verb: str) -> None:
    if status == 200:
        return
    if status >= 500 or status == 429:
        raise Transient(f"cannot {verb} {_shown(url)}: it answers {status}")
    raise _cannot(url, f"it answers {status}", verb=verb)


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {WAIT_S:g} s"
    if isinstance(error, http.client.IncompleteRead):
        return "the connection broke off"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _shown(url: str) -> str:
    """Without what may be a secret: credentials, and the query."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _cannot(url: str, fact: str, hint: str = "", verb: str = "fetch") -> DriverError:
    return Terminal(f"cannot {verb} {_shown(url)}: {fact}", hint)
