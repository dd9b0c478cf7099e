"""The way to the API: one connection per call, over the unix socket or SETPOINT_URL.

What goes over it is in `wire`.
"""

import json
import os
import socket
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlsplit

from setpoint import __version__
from setpoint.cli import wire
from setpoint.model.errors import Refused, SetpointError

TIMEOUT_S = 60.0
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


Dial = Callable[[float | None], socket.socket]


class Client:
    """`where` is for messages. `edge_host`: where apps answer, seen from here. `why`: goes with
    what changes something and brings no words of its own."""

    def __init__(
        self, dial: Dial, token: str, where: str, edge_host: str = "127.0.0.1", why: str = ""
    ) -> None:
        self.dial = dial
        self.token = token
        self.where = where
        self.edge_host = edge_host
        self.why = why
        self.request_id = os.urandom(8).hex()
        """of all that this command asks: by it, its Changes are known among others'"""

    @staticmethod
    def at(data: Path, env: Mapping[str, str]) -> "Client":
        url = env.get("SETPOINT_URL", "")
        token = env.get("SETPOINT_API_KEY", "")
        why = env.get("SETPOINT_WHY", "")
        return _by_url(url, token, why) if url else _by_socket(data, token, why)

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        why: str = "",
        timeout_s: float | None = TIMEOUT_S,
        why_source: str = "flag",
    ) -> Any:
        """The decoded answer. `why_source`: whose words `why` are. Raises Answered, Unreachable."""
        payload = b"" if body is None else json.dumps(body).encode()
        said = self._reason(why, why_source) if method != "GET" else {}
        with self._open(method, path, payload, len(payload), said, timeout_s) as response:
            return json.loads(response.read() or b"null")

    def get_or_none(self, path: str) -> Any:
        """None where there is no such thing."""
        try:
            return self.get(path)
        except Answered as error:
            if error.status == 404:
                return None
            raise

    def put_file(self, path: str, file: IO[bytes], length: int) -> None:
        with self._open("PUT", path, file, length) as response:
            response.read()

    def lines(
        self,
        path: str,
        timeout_s: float | None = None,
        linked: Callable[[socket.socket], None] = lambda _: None,
    ) -> Iterator[bytes]:
        """A stream line by line as it comes, until its end. `timeout_s`: how long it may be silent;
        `linked` is given the socket, for who wants to end it from elsewhere."""
        with self._open("GET", path, timeout_s=timeout_s, linked=linked) as response:
            yield from response.lines()

    @contextmanager
    def _open(
        self,
        method: str,
        path: str,
        body: bytes | IO[bytes] = b"",
        length: int = 0,
        extra: Mapping[str, str] = {},
        timeout_s: float | None = None,
        linked: Callable[[socket.socket], None] = lambda _: None,
    ) -> Generator[wire.Response]:
        headers = {**self._headers(), **extra}
        if method != "GET":
            headers["Content-Length"] = str(length)
        try:
            link = self.dial(timeout_s)
            linked(link)
            with wire.exchange(link, method, path, headers, body) as response:
                if response.status >= 400:
                    raise _refusal(response)
                yield response
        except OSError as error:
            raise self._unreachable(error) from None

    def _headers(self) -> dict[str, str]:
        return {
            "Host": "localhost",
            "Accept": "application/json",
            "Authorization": f"Bearer {self.token}",
            "User-Agent": f"setpoint/{__version__}",
            "X-Setpoint-Via": "cli",
            "Request-Id": self.request_id,
        }

    def _reason(self, said: str, source: str) -> dict[str, str]:
        why = said or self.why
        if not why:
            return {}
        return {"Commit-Message": encoded_word(why), "X-Setpoint-Why": source if said else "env"}

    def _unreachable(self, error: OSError) -> Unreachable:
        if isinstance(error, FileNotFoundError | ConnectionRefusedError):
            fact = f"nothing listens on {self.where}"
            return Unreachable(f"cannot reach Setpoint: {fact}", NEXT_STEP)
        if isinstance(error, TimeoutError):
            return Unreachable(f"cannot reach Setpoint: {self.where} does not answer")
        return Unreachable(f"cannot reach Setpoint at {self.where}: {error.strerror or error}")


def encoded_word(text: str) -> str:
    """RFC 2047, wherever a header could not carry the text as it is."""
    if text.isascii() and text.isprintable() and "=?" not in text:
        return text
    from base64 import b64encode

    return f"=?utf-8?b?{b64encode(text.encode('utf-8', 'replace')).decode()}?="


def path(*parts: str) -> str:
    """A path of an URL; each part is one segment, whatever is in it."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


def _by_socket(data: Path, token: str, why: str) -> Client:
    from setpoint.drivers.local.paths import Paths

    paths = Paths.of(data)
    where = str(paths.api_socket)

    def dial(timeout_s: float | None) -> socket.socket:
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        link.settimeout(timeout_s)
        try:
            link.connect(where)
        except OSError:
            link.close()
            raise
        return link

    return Client(dial, token or _token(paths.token, where), where, why=why)


def _by_url(url: str, token: str, why: str) -> Client:
    parts = urlsplit(url)
    host = parts.hostname
    if parts.scheme not in ("http", "https") or not host:
        raise Refused(f"cannot use SETPOINT_URL {url[:80]!r}: it is no http or https URL")
    if not token:
        raise Refused("cannot sign in: SETPOINT_URL is set and SETPOINT_API_KEY is not")
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)

    def dial(timeout_s: float | None) -> socket.socket:
        link = socket.create_connection((host, port), timeout_s)
        return _secured(link, host) if secure else link

    return Client(dial, token, url, host, why)


def _secured(link: socket.socket, host: str) -> socket.socket:
    import ssl

    return ssl.create_default_context().wrap_socket(link, server_hostname=host)


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


def _refusal(response: wire.Response) -> Answered:
    """Our API answers in JSON; anything else is somebody else's server."""
    raw = response.read()
    try:
        body = json.loads(raw)
        hint = str(body.get("hint", ""))
        message = str(body["message"]).removesuffix(f"\n{hint}" if hint else "")
        return Answered(response.status, str(body["id"]), message, hint)
    except (ValueError, KeyError, AttributeError):
        text = raw.decode(errors="replace").strip()[:200]
        return Answered(response.status, "unknown", f"cannot go on: {response.status} {text}", "")
