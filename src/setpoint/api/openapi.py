"""The route table as an OpenAPI 3.1 document; schemas come from the handlers' own types."""

import re
from collections.abc import Iterable

import msgspec
from starlette.responses import Response

from setpoint.api import errors
from setpoint.api.call import Endpoint

REF = "#/components/schemas/{name}"
PARAM_RE = re.compile(r"\{(\w+)\}")


def document(routes: Iterable[Endpoint], version: str) -> dict[str, object]:
    rows = tuple(routes)
    schemas, components = _schemas(rows)
    paths: dict[str, dict[str, object]] = {}
    for row in rows:
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Setpoint", "version": version},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(rows: tuple[Endpoint, ...]) -> tuple[dict[object, object], dict[str, object]]:
    """Each body and answer type once: (type -> schema, named components)."""
    types = list(
        dict.fromkeys([errors.Body, *filter(_typed, (t for r in rows for t in _types(r)))])
    )
    schemas, components = msgspec.json.schema_components(
        types, schema_hook=_anything, ref_template=REF
    )
    return dict(zip(types, schemas, strict=True)), dict(components)


def _anything(type_: type) -> dict[str, object]:
    """`object`: any JSON there is."""
    if type_ is object:
        return {"description": "any JSON value"}
    raise NotImplementedError


def _types(row: Endpoint) -> tuple[object | None, object | None]:
    return row.body, row.answer


def _typed(type_: object | None) -> bool:
    """A stream has no schema."""
    return type_ is not None and type_ is not Response


def _operation(row: Endpoint, schemas: dict[object, object]) -> dict[str, object]:
    operation: dict[str, object] = {
        "summary": row.summary,
        "operationId": operation_id(row),
        "parameters": [
            *(_parameter(name, "path") for name in PARAM_RE.findall(row.path)),
            *(_parameter(name, "query") for name in row.query),
        ],
        "responses": {
            str(row.status): {"description": row.summary, **_content(row.answer, schemas)},
            "default": {"description": "Refused or failed", **_content(errors.Body, schemas)},
        },
        "security": [] if row.need == "none" else [{"token": []}],
        "x-setpoint-needs": row.need,
    }
    if row.refused:
        operation["x-setpoint-refused"] = row.refused
    if row.body is not None:
        operation["requestBody"] = _content(row.body, schemas)
    return operation


def _parameter(name: str, place: str) -> dict[str, object]:
    return {"name": name, "in": place, "required": place == "path", "schema": {"type": "string"}}


def _content(type_: object | None, schemas: dict[object, object]) -> dict[str, object]:
    if type_ not in schemas:
        return {"description": "any JSON value"}
    return {"content": {"application/json": {"schema": schemas[type_]}}}


def operation_id(row: Endpoint) -> str:
    """'patch_apps_app_formation': unique, because method and path are."""
    words = re.findall(r"[A-Za-z0-9]+", row.path)
    return "_".join((row.method.lower(), *words))
