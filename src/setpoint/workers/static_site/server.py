"""Starlette's StaticFiles with what static.json asks for.

Tags are of the content, so that instances of one release agree and a rollback is noticed; the time
of a file says when it was unpacked, and means nothing. What was changed when is told by the time
this process began.
"""

import hashlib
import json
import mimetypes
import os
import stat
import time
from email.utils import formatdate
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import anyio.to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import rules

GZIP_BYTES_MIN = 500
GZIP_LEVEL = 6
PACKED = (("br", ".br"), ("gzip", ".gz"))
TYPES = {
    ".avif": "image/avif",
    ".js": "text/javascript",
    ".map": "application/json",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}


def application(site: str) -> ASGIApp:
    """`site`: path of the file that the build wrote. Paths in it start at the folder we run in."""
    with open(site, "rb") as file:
        told = json.load(file)
    mimetypes.init(files=())  # the same types on every machine
    for ending, type in TYPES.items():
        mimetypes.add_type(type, ending)
    packed = GZipMiddleware(Site(told), minimum_size=GZIP_BYTES_MIN, compresslevel=GZIP_LEVEL)
    return Finish(packed, told)


class Site(StaticFiles):
    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(directory=told["root"] or ".")
        self.told = told
        self.since = formatdate(time.time(), usegmt=True)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """`path`: as StaticFiles cleaned it; it never leaves the root."""
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        asked = scope["path"]
        for redirect in self.told["redirects"]:
            if redirect["path"] == asked:
                return RedirectResponse(redirect["url"], redirect["status"])
        found = await self.find(path, asked, scope)
        if found is not None:
            return found
        file = rules.route(self.told["routes"], asked)
        if file and (response := await self.file(file, scope)):
            return response
        return await self.missing(scope)

    async def find(self, path: str, asked: str, scope: Scope) -> Response | None:
        """The file itself, a folder's index, or a page without its ending."""
        path = "" if path == "." else path
        if rules.hidden(self.told["hidden"], path):
            return None
        clean = self.told["clean_urls"]
        if not asked.endswith("/"):
            if clean and path.endswith(".html") and await self.is_file(path):
                return moved(scope, asked.removesuffix(".html").removesuffix("/index") or "/")
            if response := await self.file(path, scope):
                return response
            if clean and (response := await self.file(f"{path}.html", scope)):
                return response
        index = f"{path}/index.html".lstrip("/")
        if not asked.endswith("/"):
            return moved(scope, f"{asked}/") if await self.is_file(index) else None
        return await self.file(index, scope)

    async def missing(self, scope: Scope) -> Response:
        page = self.told["error_page"]
        if page and (response := await self.file(page, scope, 404)):
            return response
        return PlainTextResponse("Not found\n", 404)

    async def is_file(self, path: str) -> bool:
        return (await self.look(path))[1] is not None

    async def look(self, path: str) -> tuple[str, os.stat_result | None]:
        """(where it really is, what it is), None where there is no such file below the root."""
        try:
            full, seen = await anyio.to_thread.run_sync(self.lookup_path, path)
        except (OSError, ValueError):  # a name too long, one that cannot be
            return "", None
        return full, seen if seen is not None and stat.S_ISREG(seen.st_mode) else None

    async def file(self, path: str, scope: Scope, status: int = 200) -> Response | None:
        full, seen = await self.look(path)
        if seen is None:
            return None
        asked, more = Headers(scope=scope), {}
        kind = media_type(full)
        if status == 200 and "range" not in asked:
            for coding, ending in PACKED:
                packed, smaller = await self.look(path + ending)
                if smaller is not None and coding in accepted(asked):
                    full, seen = packed, smaller
                    more = {"content-encoding": coding, "vary": "Accept-Encoding"}
                    break
        tag = await anyio.to_thread.run_sync(content_tag, full)
        fixed = {"etag": tag, "last-modified": self.since, **more}
        response = FileResponse(full, status, fixed, kind, stat_result=seen)
        if status == 200 and self.is_not_modified(response.headers, asked):
            return NotModifiedResponse(response.headers)
        return response


class Finish:
    """Around everything: https first, headers of the site last, and tags that tell packed from
    plain."""

    def __init__(self, app: ASGIApp, told: dict[str, Any]) -> None:
        self.app = app
        self.told = told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.told["https_only"] and (response := to_https(scope)):
            await response(scope, receive, send)
            return
        more = rules.headers(self.told["headers"], scope["path"])

        async def finished(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                tag = headers.get("etag", "")
                if "content-encoding" in headers and tag and not tag.startswith("W/"):
                    headers["etag"] = f"W/{tag}"
                for name, value in more.items():
                    headers[name] = value
            await send(message)

        try:
            await self.app(scope, receive, finished)
        except HTTPException as error:
            response = PlainTextResponse(f"{error.detail}\n", error.status_code, error.headers)
            await response(scope, receive, finished)


def to_https(scope: Scope) -> Response | None:
    """Only where whoever stands in front says that the visitor came by plain http."""
    headers = Headers(scope=scope)
    if headers.get("x-forwarded-proto") != "http":
        return None
    return RedirectResponse(f"https://{headers.get('host', '')}{here(scope, scope['path'])}", 301)


def moved(scope: Scope, path: str) -> Response:
    return RedirectResponse(here(scope, path), 301)


def here(scope: Scope, path: str) -> str:
    """On this host, whatever the path begins with."""
    query = scope["query_string"].decode("latin-1")
    where = quote("/" + path.lstrip("/"))
    return f"{where}?{query}" if query else where


def accepted(headers: Headers) -> frozenset[str]:
    """Codings a client takes; one with q=0 it does not."""
    parts = (part.partition(";") for part in headers.get("accept-encoding", "").split(","))
    return frozenset(
        name.strip().lower()
        for name, _, weight in parts
        if weight.replace(" ", "").rstrip("0.") != "q="
    )


def media_type(path: str) -> str:
    kind, coding = mimetypes.guess_type(path)
    if coding is not None:
        return {"gzip": "application/gzip"}.get(coding, "application/octet-stream")
    return kind or "application/octet-stream"


@lru_cache(maxsize=10_000)
def content_tag(path: str) -> str:
    """Layers never change, so each file is read for this once."""
    with open(path, "rb") as file:
        return f'"{hashlib.file_digest(file, "sha256").hexdigest()[:32]}"'
