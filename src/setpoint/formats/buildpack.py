"""One buildpack as an app's intent names it: an address, or an upload by its digest. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from setpoint.model.errors import Invalid
from setpoint.model.ids import Digest
from setpoint.model.text import printable

URL_CHARS_MAX = 500
PACKS_MAX = 10
_UPLOADED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,63})@sha256:([0-9a-f]{64})")
_ARCHIVE = re.compile(r".*(\.tar\.gz|\.tgz|/tar\.gz(/.*)?)")


@dataclass(frozen=True)
class Buildpack:
    """`name`: for people and folders. `url` or `digest`: where it comes from."""

    name: str
    url: str = ""
    digest: Digest | None = None


def parse(text: str) -> Buildpack:
    """Raises Invalid."""
    if uploaded := _UPLOADED.fullmatch(text):
        return Buildpack(uploaded[1], digest=Digest(uploaded[2]))
    parts = _split(text)
    if parts is None or parts.scheme != "https" or not parts.hostname:
        raise _refused(
            text,
            "it is no https address of a tar.gz, and nothing that was uploaded",
            "Python, Node.js and static sites need none; send a folder of your own with: "
            "setpoint buildpacks APP --set DIR",
        )
    if parts.username or parts.password:
        raise _refused(text, "its address holds a password", "use an address without one")
    if parts.query or parts.fragment:
        raise _refused(
            text,
            "its address has a query, which may be a secret, and is kept and shown",
            "send the buildpack itself: setpoint buildpacks APP --set DIR",
        )
    if not _ARCHIVE.fullmatch(parts.path):
        raise _refused(
            text,
            "its address names no tar.gz",
            "for a repository use the address of its archive, ending in .tar.gz",
        )
    return Buildpack(_name(parts.path), url=text)


def digests(texts: Iterable[str]) -> tuple[Digest, ...]:
    """Of those that were uploaded; what cannot be read is for the builder to complain of."""
    found = (_UPLOADED.fullmatch(text) for text in texts)
    return tuple(Digest(match[2]) for match in found if match)


def named(name: str, digest: Digest) -> str:
    """How an upload is written down."""
    return f"{_safe(name) or 'buildpack'}@sha256:{digest}"


def _split(text: str):
    if len(text) > URL_CHARS_MAX or not text.isascii() or not text.isprintable() or " " in text:
        return None
    try:
        return urlsplit(text)
    except ValueError:
        return None


def _name(path: str) -> str:
    """The repository's, where the address is of an archive service; else the file's."""
    before = re.sub(r"(/-)?/(archive|tar\.gz)(/.*)?$", "", path)
    last = before.rstrip("/").rpartition("/")[2]
    return _safe(re.sub(r"\.(tar\.gz|tgz|git)$", "", last)) or "buildpack"


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")[:64]


def _refused(text: str, fact: str, hint: str) -> Invalid:
    return Invalid(f"cannot use buildpack '{printable(text[:120])}': {fact}", hint)
