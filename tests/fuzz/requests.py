"""Requests that nobody means, made of the API's own description of itself.

Each is of one route: what its schema allows or forbids, or a body of any bytes; at the app and
things that are there, or at names of chance; with headers as clients send them, or any text.
"""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from requests import Request
from schemathesis import GenerationMode, openapi
from schemathesis.schemas import APIOperation

from tests.fuzz.world import Sent

BASE = "http://localhost"
HEADERS = (
    "Range",
    "Commit-Message",
    "Request-Id",
    "Idempotency-Key",
    "Accept",
    "Content-Type",
    "Content-Encoding",
    "Last-Event-ID",
    "Git-Protocol",
    "User-Agent",
    "X-Setpoint-Via",
    "X-Setpoint-Why",
    "X-Setpoint-On-Behalf-Of",
)
TRAPS = (
    "",
    "id ..; ;",
    "version ..; max=1,order=desc",
    "id ]..; max=-1",
    "=?utf-8?q?=ff?=",
    "=?utf-7?b?+w?=",
    "application/octet-stream",
    "text/event-stream",
    "gzip",
    "git/2.39",
    "heroku-cli/11",
    "version=2",
    "9" * 400,
    "a," * 2000,
)
"""Beside any text: what has a meaning somewhere."""
BODY_BYTES_MAX = 4096


def operations(document: dict[str, Any]) -> dict[str, APIOperation[Any, Any, Any, Any]]:
    """By `METHOD path`."""
    found = openapi.from_dict(document).get_all_operations()
    every = [operation.ok() for operation in found]
    return {f"{one.method.upper()} {one.path}": one for one in every}


@st.composite
def requests(
    draw: DrawFn, operation: APIOperation[Any, Any, Any, Any], known: Mapping[str, tuple[str, ...]]
) -> Sent:
    """`known`: by a parameter of the path, what is there."""
    case = draw(_cases(operation))
    for name in dict(case.path_parameters or {}):
        if name in known and draw(st.integers(0, 3)):
            case.path_parameters[name] = draw(st.sampled_from(known[name]))
    for name in dict(case.query or {}):
        if name in known and draw(st.booleans()):
            case.query[name] = draw(st.sampled_from(known[name]))
    prepared = Request(**case.as_transport_kwargs(base_url=BASE)).prepare()
    body = prepared.body or b""
    if not draw(st.integers(0, 5)):
        body = draw(st.binary(max_size=BODY_BYTES_MAX))
    said = draw(st.dictionaries(st.sampled_from(HEADERS), _texts(), max_size=2))
    return Sent(
        str(prepared.method),
        prepared.path_url,
        said,
        body.encode() if isinstance(body, str) else bytes(body),
    )


def _cases(operation: APIOperation[Any, Any, Any, Any]) -> SearchStrategy[Any]:
    good = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if not list(operation.body):
        return good
    return good | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)


def _texts() -> SearchStrategy[str]:
    """What one line of HTTP can carry."""
    latin = st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f")
    return st.sampled_from(TRAPS) | st.text(latin, max_size=60)
