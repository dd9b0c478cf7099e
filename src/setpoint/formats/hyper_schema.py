"""JSON hyper-schema (draft 4, interagent), as Heroku publishes its Platform API in -> links.

https://json-schema.org/draft-04/draft-luff-json-hyper-schema-00: a link has a `method` and an
`href`; `{(%23%2Fdefinitions%2Fapp%2Fdefinitions%2Fidentity)}` in it stands for what identifies an
app.
"""

import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import unquote

import msgspec

from setpoint.model.errors import Invalid

Json = dict[str, Any]

IDENTITY_RE = re.compile(r"\{\(([^)]*)\)\}")
POINTER_RE = re.compile(r"#/definitions/([\w-]+)(?:/definitions/([\w-]+))?")
IDENTITIES = ("", "id", "identity", "name", "query_identity", "scopedIdentity")
"""by which of its fields a thing is found: any of them will do"""
DEPTH_MAX = 12
"""Of references and objects in an example; schemas of people refer to each other in rings."""


class Link(msgspec.Struct, frozen=True):
    """One thing that can be done. `path`: with `{app}` for what identifies an app, in the order of
    `of`; `{dyno.formation_type}` where it is no identity. `body`: the schema's own example, None
    where nothing is sent; `target`: schema of the reply, None where it is not told.
    """

    definition: str
    rel: str
    title: str
    method: str
    path: str
    of: tuple[str, ...]
    body: object = None
    target: Json | None = None

    @property
    def route(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def lists(self) -> bool:
        return self.target is not None and "array" in types(self.target)


def links(document: object) -> tuple[Link, ...]:
    """In the schema's own order, each method and path once. Raises Invalid."""
    if not isinstance(document, dict) or not isinstance(document.get("definitions"), dict):  # pyright: ignore
        raise Invalid("cannot read the schema: it is no hyper-schema: it has no definitions")
    whole = cast("Json", document)
    found: dict[str, Link] = {}
    for name, definition in cast("Mapping[str, Json]", whole["definitions"]).items():
        for raw in definition.get("links", ()):
            link = _link(whole, name, raw)
            found.setdefault(link.route, link)
    if not found:
        raise Invalid("cannot read the schema: no definition of it has links")
    return tuple(found.values())


def types(schema: Json) -> tuple[str, ...]:
    said = schema.get("type", ())
    return (said,) if isinstance(said, str) else tuple(said)


def resolved(whole: Json, schema: Json) -> Json:
    """Follows `$ref` within the document. Raises Invalid for one that leads nowhere."""
    for _ in range(DEPTH_MAX):
        pointer = schema.get("$ref")
        if pointer is None:
            return schema
        schema = _at(whole, pointer)
    raise Invalid("cannot read the schema: a reference leads back to itself")


def _at(whole: Json, pointer: str) -> Json:
    at: Any = whole
    for key in pointer.removeprefix("#/").split("/"):
        at = at.get(key) if isinstance(at, dict) else None  # pyright: ignore
    if not isinstance(at, dict):
        raise Invalid(f"cannot read the schema: {pointer[:80]} leads nowhere")
    return cast("Json", at)


def _link(whole: Json, definition: str, raw: Json) -> Link:
    try:
        href, method = str(raw["href"]), str(raw["method"]).upper()
    except (KeyError, TypeError):
        raise Invalid(f"cannot read the schema: a link of {definition} has no href") from None
    of = tuple(_identified(pointer) for pointer in IDENTITY_RE.findall(href))
    named = iter(of)
    sent = raw.get("schema")
    target = raw.get("targetSchema")
    return Link(
        definition=definition,
        rel=str(raw.get("rel", "")),
        title=str(raw.get("title", "")),
        method=method,
        path=IDENTITY_RE.sub(lambda _: "{" + next(named) + "}", href),
        of=of,
        body=example(whole, sent) if sent is not None and method != "GET" else None,
        target=resolved(whole, target) if target is not None else None,
    )


def _identified(pointer: str) -> str:
    match = POINTER_RE.fullmatch(unquote(pointer))
    if match is None:
        raise Invalid(f"cannot read the schema: {pointer[:80]} identifies nothing")
    inner = match[2] or ""
    return match[1] if inner in IDENTITIES else f"{match[1]}.{inner}"


def example(whole: Json, schema: Json, depth: int = 0) -> object:
    """What the schema's examples make of it; of an object only what must be there, or all of it
    where nothing must."""
    schema = resolved(whole, schema)
    if "example" in schema:
        return schema["example"]
    for several in ("anyOf", "oneOf", "allOf"):
        if schema.get(several):
            return example(whole, schema[several][0], depth + 1)
    if depth > DEPTH_MAX:
        return None
    properties: Mapping[str, Json] = schema.get("properties", {})
    if properties:
        names = schema.get("required") or list(properties)
        return {n: example(whole, properties[n], depth + 1) for n in names if n in properties}
    if "items" in schema:
        return [example(whole, schema["items"], depth + 1)]
    return schema["enum"][0] if schema.get("enum") else None
