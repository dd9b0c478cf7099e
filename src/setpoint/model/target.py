"""An address that somebody wants to be sent to, in its parts; and what of it may be shown."""

from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

PORTS = {"https": 443, "syslog": 514, "syslog+tls": 6514}


class Target(NamedTuple):
    """`path`: with the query. `user`, `password`: as they are sent, '' for none."""

    scheme: str
    host: str
    port: int
    path: str
    user: str = ""
    password: str = ""

    @property
    def place(self) -> str:
        """`logs.example.com:6514`; without the port where it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS.get(self.scheme) else f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        """Without anything that may be a secret: user, path and query."""
        return f"{self.scheme}://{self.place}"


def target(url: str) -> Target:
    """Raises ValueError for what is none."""
    parts = urlsplit(url)
    port = parts.port if parts.port is not None else PORTS.get(parts.scheme, 0)
    if not parts.hostname or not port:
        raise ValueError("it has no host, or no port")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Target(parts.scheme, parts.hostname, port, path, user, password)


def telling(values: tuple[str, ...]) -> tuple[str, ...]:
    """Secrets, and of those that are addresses each part that alone would tell one, too."""
    return (*values, *(part for value in values if "://" in value for part in _parts(value)))


def _parts(url: str) -> tuple[str, ...]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ()
    said = [text for _, text in parse_qsl(parts.query)]
    raw = [parts.username or "", parts.password or ""]
    return tuple(filter(None, (*raw, *map(unquote, raw), *said)))
