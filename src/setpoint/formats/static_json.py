"""A static site's static.json -> how it is served. Pure.

The keys are those of Heroku's buildpack for static sites. What would leave a site open or half
working if it were passed over (`basic_auth`, `proxies`) is refused; other keys we do not know are
warned of. The one we write for our worker has the same keys, with everything filled in.
"""

from collections.abc import Iterator
from typing import Any, cast

import msgspec

from setpoint.model.errors import Invalid

FILE = "static.json"
INDEX = "index.html"
BYTES_MAX = 256 * 1024
ROOT = "public_html"
"""Heroku's default, where static.json names no root"""
RULES_MAX = 500
REDIRECTS = (301, 302, 303, 307, 308)
COMMAND = "python -I -m setpoint_site .setpoint/site.json"
SITE = ".setpoint/site.json"
"""where our worker reads it, inside the code layer"""
TELLING = (FILE, "Procfile", "project.toml", "app.json", "package.json", "package-lock.json")
"""What describes the app, and is not served where the root is the app's own folder."""

_KNOWN = frozenset(
    {"root", "clean_urls", "routes", "redirects", "error_page", "headers", "https_only"}
)
_REFUSED = {
    "proxies": "serve the other place at a host of its own, and allow it by CORS",
    "basic_auth": "put the login into an app of your own; a static site is open to everybody",
}


class Route(msgspec.Struct, frozen=True):
    """`pattern`: `*` stands for one part of a path, `**` for any. `file`: below the root."""

    pattern: str
    file: str
    unless: str = ""


class Redirect(msgspec.Struct, frozen=True):
    path: str
    url: str
    status: int = 301


class Headers(msgspec.Struct, frozen=True):
    pattern: str
    fields: dict[str, str]


class Site(msgspec.Struct, frozen=True):
    """`root`: a folder of the source, '' for all of it. `hidden`: files of it that are not served.
    `warnings`: for whoever deploys."""

    root: str = ""
    clean_urls: bool = False
    routes: tuple[Route, ...] = ()
    redirects: tuple[Redirect, ...] = ()
    error_page: str = ""
    headers: tuple[Headers, ...] = ()
    https_only: bool = False
    hidden: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def parse(text: str | None) -> Site:
    """None: there is no such file, and all of the source is the site. Raises Invalid."""
    if text is None:
        return Site(hidden=TELLING)
    document = _document(text)
    for key, hint in _REFUSED.items():
        if document.get(key):
            raise _refused(f"{key!r} is not supported", hint)
    root = _path(document.get("root", ROOT), "root")
    return Site(
        root=root,
        clean_urls=_flag(document, "clean_urls"),
        routes=tuple(_routes(document.get("routes", {}))),
        redirects=tuple(_redirects(document.get("redirects", {}))),
        error_page=_path(document.get("error_page", ""), "error_page"),
        headers=tuple(_headers(document.get("headers", {}))),
        https_only=_flag(document, "https_only"),
        hidden=() if root else TELLING,
        warnings=tuple(_warnings(document)),
    )


def _document(text: str) -> dict[str, Any]:
    if len(text.encode()) > BYTES_MAX:
        raise _refused(f"it is longer than {BYTES_MAX // 1024} KiB")
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _refused(f"it is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise _refused("it is not a JSON object", 'write for example: {"root": "dist/"}')
    return cast(dict[str, Any], document)


def _warnings(document: dict[str, Any]) -> Iterator[str]:
    for key in sorted(set(document) - _KNOWN - set(_REFUSED)):
        yield f"{FILE}: {key[:60]!r} is passed over"
    if document.get("https_only"):
        yield f"{FILE}: https_only sends every visitor to https, which this machine must offer"


def _routes(value: object) -> Iterator[Route]:
    for pattern, target in _rules(value, "routes"):
        if isinstance(target, str):
            yield Route(pattern, _path(target, "routes"))
        elif isinstance(target, dict):
            unless = _text(target.get("except", ""), "routes")
            yield Route(pattern, _path(target.get("path", ""), "routes"), unless)
        else:
            raise _refused(f"the route {pattern[:60]!r} names no file")


def _redirects(value: object) -> Iterator[Redirect]:
    for path, target in _rules(value, "redirects"):
        table = target if isinstance(target, dict) else {"url": target}
        url, status = _text(table.get("url", ""), "redirects"), table.get("status", 301)
        if not url:
            raise _refused(f"the redirect {path[:60]!r} has no url")
        if status not in REDIRECTS:
            raise _refused(f"the redirect {path[:60]!r} has the status {str(status)[:20]!r}")
        yield Redirect(path, url, status)


def _headers(value: object) -> Iterator[Headers]:
    for pattern, fields in _rules(value, "headers"):
        if not isinstance(fields, dict):
            raise _refused(f"the headers of {pattern[:60]!r} are no object")
        for name, content in fields.items():
            _header(str(name), content)
        yield Headers(pattern, {str(k): str(v) for k, v in fields.items()})


def _header(name: str, value: object) -> None:
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise _refused(f"{name[:60]!r} is no name of a header")
    text = _text(value, "headers")
    if not text.isascii() or not text.isprintable():
        raise _refused(f"the header {name} has characters that a header cannot carry")


def _rules(value: object, where: str) -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        raise _refused(f"{where!r} is no object")
    if len(value) > RULES_MAX:
        raise _refused(f"{where!r} has {len(value)} entries, at most {RULES_MAX}")
    return [(_text(key, where), rule) for key, rule in value.items()]


def _path(value: object, where: str) -> str:
    """A path below its folder, without / at its ends."""
    text = _text(value, where).strip("/")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise _refused(f"{where!r} leaves its folder: {text[:60]!r}")
    return "/".join(parts)


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or len(value) > 4096 or "\0" in value:
        raise _refused(f"{where!r} holds {str(value)[:60]!r}, which is no text")
    return value


def _flag(document: dict[str, Any], key: str) -> bool:
    value = document.get(key, False)
    if not isinstance(value, bool):
        raise _refused(f"{key!r} is {str(value)[:60]!r}, and may be true or false")
    return value


def _refused(fact: str, hint: str = "") -> Invalid:
    return Invalid(f"cannot read {FILE}: {fact}", hint)
