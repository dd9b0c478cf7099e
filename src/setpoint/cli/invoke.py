"""`setpoint invoke`: build the CloudEvent, dial as any caller would, show the answer."""

import argparse
import json
import socket
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from setpoint.cli import codes, wire
from setpoint.cli.client import Unreachable, path
from setpoint.cli.command import Here, add_app
from setpoint.formats import cloudevents
from setpoint.model.errors import Invalid, NotFound, OverLimit, Refused

EXAMPLE = """setpoint invoke shop/greet -p '{"name": "Ada"}'"""
ANSWER_S_MAX = 150.0
"""The edge ends a function's request after 120 s, a cold start included."""
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Target:
    """`who`: for messages. `host`, `port`: what is dialled. `at_s`: the time there, unix seconds.
    `headers`: what leads to it and lets it in. `hint`: where nothing answers."""

    who: str
    function: str
    host: str
    port: int
    at_s: float
    path: str = "/"
    headers: dict[str, str] = field(default_factory=dict[str, str])
    hint: str = ""

    @property
    def where(self) -> str:
        return self.who if self.hint else f"the edge at {self.host}:{self.port}"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser, metavar="APP[/FUNCTION]|URL")
    parser.add_argument(
        "-p", "--payload", metavar="JSON|@FILE|-", default="{}", help="the event's data ({})"
    )
    parser.add_argument(
        "-H", "--header", metavar="'K: V'", action="append", default=[], help="may be repeated"
    )
    parser.add_argument("-i", "--include", action="store_true", help="status and headers too")


def run(here: Here) -> int:
    named: str = here.args.app or ""
    who, wanted = (named, "") if "://" in named else _app(here)
    payload = _payload(who, here.args.payload)
    extra = [_header(who, text) for text in here.args.header]
    target = _at_url(named) if "://" in named else _deployed(here, who, wanted)
    event = cloudevents.Invocation(str(uuid.uuid4()), target.function, target.at_s)
    headers = {**cloudevents.headers(event), **target.headers, **dict(extra)}
    return _show(here, target, payload, headers)


def _app(here: Here) -> tuple[str, str]:
    """'shop/greet' -> ('shop', 'greet'); '' where the app's only function is meant."""
    if here.args.app:
        here.args.app, _, wanted = here.args.app.partition("/")
        return here.app, wanted
    return here.app, ""


def _at_url(url: str) -> Target:
    """Whatever answers there: one that `functions start` serves, or a runtime of one's own."""
    try:
        said = urlsplit(url)
        host, port = said.hostname or "", said.port or 80
    except ValueError as error:
        raise Invalid(f"cannot invoke {url[:200]}: {error}") from None
    if said.scheme != "http" or not host:
        raise Invalid(
            f"cannot invoke {url[:200]}: that is no http address",
            "a deployed function is called by its app's name: setpoint invoke APP",
        )
    named = f"[{host}]" if ":" in host else host
    return Target(
        who=url,
        function=host.partition(".")[0],
        host=LOOPBACK if host == "localhost" or host.endswith(".localhost") else host,
        port=port,
        at_s=time.time(),
        path=(said.path or "/") + (f"?{said.query}" if said.query else ""),
        headers={"Host": f"{named}:{port}"},
        hint="serve a function there with: setpoint functions start DIR",
    )


def _deployed(here: Here, app: str, wanted: str) -> Target:
    """By way of the edge, with the key that lets callers in."""
    door = here.client.get(path("v1", "apps", app, "invoke-key"))
    function = _function(door, app, wanted)
    return Target(
        who=app,
        function=function["name"],
        host=here.client.edge_host,
        port=door["edge_port"],
        at_s=door["at_s"],
        headers={"Host": function["host"], door["header"]: f"Bearer {door['key']}"},
    )


def _payload(app: str, said: str) -> bytes:
    raw = _read(app, said)
    if len(raw) > cloudevents.PAYLOAD_BYTES_MAX:
        limit = cloudevents.PAYLOAD_BYTES_MAX // 2**20
        raise OverLimit(f"cannot invoke {app}: the payload is larger than {limit} MB")
    try:
        json.loads(raw, parse_constant=_no_constant)
    except ValueError as error:
        raise Invalid(f"cannot invoke {app}: the payload is not JSON: {error}") from None
    return raw


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def _read(app: str, said: str) -> bytes:
    most = cloudevents.PAYLOAD_BYTES_MAX + 1
    if said == "-":
        return sys.stdin.buffer.read(most)
    if not said.startswith("@"):
        return said.encode("utf-8", "surrogateescape")
    try:
        with Path(said[1:]).open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise Invalid(f"cannot invoke {app}: {said[1:]}: {error.strerror}") from None


def _header(app: str, text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or not (name + value).isprintable():
        raise Refused(f"cannot invoke {app}: {text[:60]!r} is no header", "write -H 'name: value'")
    return name.strip().lower(), value.strip()


def _function(door: dict[str, Any], app: str, wanted: str) -> dict[str, Any]:
    """By id or by the name of its folder."""
    functions = cast("list[dict[str, Any]]", door["functions"])
    if not functions:
        raise NotFound(
            f"cannot invoke {app}: it has no functions",
            f"a web app is called at its URL: setpoint info {app}",
        )
    names = ", ".join(f["name"] for f in functions)
    if not wanted and len(functions) > 1:
        raise Invalid(f"cannot invoke {app}: it has several functions", f"one of: {names}")
    for function in functions:
        if wanted in ("", function["name"], Path(function["folder"]).name):
            return function
    raise NotFound(f"cannot invoke {app}/{wanted}: no such function", f"one of: {names}")


def _show(here: Here, target: Target, payload: bytes, headers: dict[str, str]) -> int:
    sent = {**headers, "Content-Length": str(len(payload))}
    try:
        link = socket.create_connection((target.host, target.port), ANSWER_S_MAX)
        with wire.exchange(link, "POST", target.path, sent, payload) as response:
            return _answered(here, target, response, response.read().decode("utf-8", "replace"))
    except (OSError, UnicodeError) as error:
        fact = getattr(error, "strerror", None) or error
        raise Unreachable(f"cannot reach {target.where}: {fact}", target.hint) from None


def _answered(here: Here, target: Target, response: wire.Response, text: str) -> int:
    info = cloudevents.extra_info(response.header("x-extra-info"))
    if here.args.include:
        _show_head(here, response, info)
    here.out.result(
        {"status": response.status, "headers": dict(response.headers), "body": text, "info": info}
    )
    if response.status < 300:
        here.out.line(text)
        return codes.SETTLED
    here.out.complain(f"{target.who} answered {response.status}: {_error(text)}")
    return codes.FAILED


def _show_head(here: Here, response: wire.Response, info: dict[str, object]) -> None:
    here.out.line(f"HTTP {response.status} {response.reason}")
    for name, value in response.headers:
        if name.lower() != "x-extra-info":
            here.out.line(f"{name}: {value}")
    if info:
        here.out.line(f"x-extra-info: {json.dumps(info, indent=2)}")
    here.out.line()


def _error(text: str) -> str:
    """The runtime answers a JSON string, the edge an object with a message."""
    try:
        decoded = json.loads(text)
    except ValueError:
        return text
    match decoded:
        case str():
            return decoded
        case {"message": message}:
            return str(message)
        case _:
            return text
