"""A Node.js project's package.json -> what it says about starting, building and its needs. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from setpoint.model.errors import Invalid

FILE = "package.json"
BYTES_MAX = 1024 * 1024
DEPTH = "it is nested too deeply"
SCRIPT_CHARS_MAX = 16 * 1024


@dataclass(frozen=True)
class Manifest:
    """`document`: all of it. `engine`: the range in engines.node, or ''."""

    document: Mapping[str, Any]
    scripts: Mapping[str, str]
    engine: str
    main: str


def parse(text: str, where: str = FILE) -> Manifest:
    """Raises Invalid; `where` names the file in it."""
    document = _document(text, where)
    scripts = _table(document, "scripts", where)
    engines = _table(document, "engines", where)
    for name, line in scripts.items():
        if not isinstance(line, str) or len(line) > SCRIPT_CHARS_MAX:
            raise _refused(where, f"script {name[:60]!r} is not a short text")
    engine, main = engines.get("node", ""), document.get("main", "")
    if not isinstance(engine, str):
        raise _refused(where, "engines.node is not a text", 'write a range, such as "22.x"')
    return Manifest(document, scripts, engine, main if isinstance(main, str) else "")


def _document(text: str, where: str) -> dict[str, Any]:
    if len(text.encode()) > BYTES_MAX:
        raise _refused(where, f"it is longer than {BYTES_MAX // 1024} KiB")
    try:
        document: object = json.loads(text)
    except RecursionError:
        raise _refused(where, DEPTH) from None
    except ValueError as error:
        raise _refused(where, f"it is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise _refused(where, "it is not a JSON object")
    return cast("dict[str, Any]", document)


def _table(document: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    table = document.get(key, {})
    if not isinstance(table, dict):
        raise _refused(where, f"{key} is not a JSON object")
    return cast("dict[str, Any]", table)


def _refused(where: str, fact: str, hint: str = "") -> Invalid:
    return Invalid(f"cannot read {where}: {fact}", hint)
