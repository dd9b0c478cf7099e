"""The way to the API: one connection per call, over the unix socket or SETPOINT_URL.

Stdlib only: an HTTP library alone would take the time a whole `setpoint why` has.
"""

import http.client
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlsplit

from setpoint import __version__
from setpoint.model.errors import Refused, SetpointError

TIMEOUT_S = 60.0
CHUNK_BYTES = 64 * 1024
NEXT_STEP = "start it with: setpoint up --detach"


class Unreachable(SetpointError):
    """Nothing answers there."""

    id = "unreachable"


class Answered(SetpointError):
    """The API refused, or failed. `status` is HTTP's."""

    def __init__(self, status: int, id: str, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.status = status
        self.id = id


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float | None) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


Dial = Callable[[float | None], http.client.HTTPConnection]


class Client:
    """`where` is for messages. `edge_host`: where apps answer, seen from here."""

    def __init__(self, dial: Dial, token: str, where: str, edge_host: str = "127.0.0.1") -> None:
        self.dial = dial
        self.token = token
        self.where = where
        self.edge_host = edge_host

    @staticmethod
    def at(data: Path, env: Mapping[str, str]) -> "Client":
        url = env.get("SETPOINT_URL", "")
        token = env.get("SETPOINT_API_KEY", "")
        return _by_url(url, token) if url else _by_socket(data, token)

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def call(self, method: str, path: str, body: object = None, why: str = "") -> Any:
        """The decoded answer. Raises Answered, Unreachable."""
        payload = None if body is None else json.dumps(body).encode()
        with self._open(method, path, payload, why, TIMEOUT_S) as response:
            return _decoded(response)

    def get_or_none(self, path: str) -> Any:
        """None where there is no such thing."""
        try:
            return self.get(path)
        except Answered as error:
            if error.status == 404:
                return None
            raise

    def put_file(self, path: str, file: IO[bytes], length: int) -> None:
        with self._open("PUT", path, file, "", None, {"Content-Length": str(length)}) as response:
            response.read()

    def chunks(self, path: str) -> Iterator[bytes]:
        """A stream as it comes, until its end. May be silent for long."""
        with self._open("GET", path, None, "", None) as response:
            while chunk := response.read1(CHUNK_BYTES):
                yield chunk

    def lines(self, path: str) -> Iterator[bytes]:
        with self._open("GET", path, None, "", None) as response:
            while line := response.readline():
                yield line.rstrip(b"\n")

    @contextmanager
    def _open(
        self,
        method: str,
        path: str,
        body: bytes | IO[bytes] | None,
        why: str,
        timeout_s: float | None,
        extra: Mapping[str, str] = {},
    ) -> Iterator[http.client.HTTPResponse]:
        connection = self.dial(timeout_s)
        try:
            try:
                connection.request(method, path, body, {**self._headers(why), **extra})
                response = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                raise self._unreachable(error) from None
            if response.status >= 400:
                raise _refusal(response)
            yield response
        finally:
            connection.close()

    def _headers(self, why: str) -> dict[str, str]:
        headers = {
            "Accept": "application/json",
            "Authorization": f"Bearer {self.token}",
            "User-Agent": f"setpoint/{__version__}",
            "X-Setpoint-Via": "cli",
        }
        if why:
            headers["Commit-Message"] = encoded_word(why)
        return headers

    def _unreachable(self, error: Exception) -> Unreachable:
        if isinstance(error, FileNotFoundError | ConnectionRefusedError):
            fact = f"nothing listens on {self.where}"
            return Unreachable(f"cannot reach Setpoint: {fact}", NEXT_STEP)
        if isinstance(error, TimeoutError):
            return Unreachable(f"cannot reach Setpoint: {self.where} does not answer")
        fact = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return Unreachable(f"cannot reach Setpoint at {self.where}: {fact}")


def encoded_word(text: str) -> str:
    """RFC 2047, wherever a header could not carry the text as it is."""
    if text.isascii() and text.isprintable() and "=?" not in text:
        return text
    from base64 import b64encode

    return f"=?utf-8?b?{b64encode(text.encode('utf-8', 'replace')).decode()}?="


def path(*parts: str) -> str:
    """A path of an URL; each part is one segment, whatever is in it."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


def _by_socket(data: Path, token: str) -> Client:
    from setpoint.drivers.local.paths import Paths

    paths = Paths.of(data)
    where = str(paths.api_socket)
    return Client(lambda s: UnixConnection(where, s), token or _token(paths.token, where), where)


def _by_url(url: str, token: str) -> Client:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refused(f"cannot use SETPOINT_URL {url[:80]!r}: it is no http or https URL")
    if not token:
        raise Refused("cannot sign in: SETPOINT_URL is set and SETPOINT_API_KEY is not")
    host, port = parts.hostname, parts.port
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return Client(lambda s: kind(host, port, timeout=s), token, url, host)


def _token(file: Path, where: str) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise Unreachable(f"cannot reach Setpoint: nothing listens on {where}", NEXT_STEP) from None
    except OSError as error:
        raise Refused(
            f"cannot sign in: {file}: {error.strerror}",
            "run this as the user who started Setpoint, or set SETPOINT_API_KEY",
        ) from None


def _decoded(response: http.client.HTTPResponse) -> Any:
    return json.loads(response.read() or b"null")


def _refusal(response: http.client.HTTPResponse) -> Answered:
    """Our API answers in JSON; anything else is somebody else's server."""
    raw = response.read(CHUNK_BYTES)
    try:
        body = json.loads(raw)
        hint = str(body.get("hint", ""))
        message = str(body["message"]).removesuffix(f"\n{hint}" if hint else "")
        return Answered(response.status, str(body["id"]), message, hint)
    except (ValueError, KeyError, AttributeError):
        text = raw.decode(errors="replace").strip()[:200]
        return Answered(response.status, "unknown", f"cannot go on: {response.status} {text}", "")
