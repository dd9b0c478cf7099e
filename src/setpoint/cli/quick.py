"""One question over the unix socket, answered in words, with next to nothing imported.

Of the time that `setpoint why` takes, nearly all is the interpreter's start and what it imports:
json, re, typing and socket, with what they bring along, cost more than the question. Whatever is
unusual here, a refusal too, is left to `client`, which asks again and knows what to say.
"""

import _socket  # what `socket` wraps, without selectors and enums

from setpoint import __version__
from setpoint.drivers.local import whereabouts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_S = 60.0
CHUNK_BYTES = 64 * 1024
PLAIN = "text/plain"


def lines(data: str, where: str, env: "Mapping[str, str]") -> list[str] | None:
    """What a GET is answered with where that is told in lines; None where it takes more."""
    if env.get("SETPOINT_URL"):
        return None
    try:
        token = env.get("SETPOINT_API_KEY") or _content(f"{data}/{whereabouts.TOKEN}")
        runtime = _content(f"{data}/{whereabouts.RUNTIME}")
        if not token.isprintable():
            return None
        answer = _asked(f"{runtime}/{whereabouts.API_SOCKET}", where, token)
    except (OSError, UnicodeError):
        return None
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *headers = head.decode("latin-1").lower().split("\r\n")
    plain = f"content-type: {PLAIN}; charset=utf-8" in headers
    whole = f"content-length: {len(body)}" in headers
    if status != "http/1.1 200 ok" or not plain or not whole:
        return None
    return body.decode().split("\n")


def _asked(place: str, where: str, token: str) -> bytes:
    """The whole answer, as it came. Raises OSError."""
    sent = (
        f"GET {where} HTTP/1.1",
        "Host: localhost",
        "Connection: close",
        f"Accept: {PLAIN}",
        f"Authorization: Bearer {token}",
        f"User-Agent: setpoint/{__version__}",
        "X-Setpoint-Via: cli",
        "",
        "",
    )
    link = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        link.settimeout(TIMEOUT_S)
        link.connect(place)
        link.sendall("\r\n".join(sent).encode("ascii"))
        chunks: list[bytes] = []
        while chunk := link.recv(CHUNK_BYTES):
            chunks.append(chunk)
        return b"".join(chunks)
    finally:
        link.close()


def _content(file: str) -> str:
    with open(file, encoding="utf-8") as lines:
        return lines.read().strip()


def quoted(text: str) -> str:
    """As it may stand in an URL, whatever is in it."""
    return "".join(c if c.isascii() and c.isalnum() else _percent(c) for c in text)


def _percent(c: str) -> str:
    return "".join(f"%{byte:02X}" for byte in c.encode("utf-8", "surrogateescape"))
