"""A Salesforce function's project.toml -> what it says about the function. Pure.

The keys are those of Salesforce Functions: `[com.salesforce]` with `id`, `type = "function"` and
`salesforce-api-version`. A project.toml without that table belongs to someone else (buildpacks).
`[setpoint]` with `fork-safe = false` is our own.
"""

import re
import tomllib
from dataclasses import dataclass
from typing import cast

from setpoint.model.errors import Invalid

FILE = "project.toml"
BYTES_MAX = 64 * 1024
ID_RE = re.compile(r"[a-z][a-z0-9]{0,29}")
"""Salesforce's rule. It also makes `<id>--<app>` a DNS label, so the id is the process name."""
API_VERSION_RE = re.compile(r"(\d{1,4})\.\d{1,3}")
API_MAJOR_MIN = 53
"""The official runtimes refuse older ones at load; better said before the upload."""


@dataclass(frozen=True)
class FunctionProject:
    """`api_version`: Salesforce REST API version, 'X.Y'."""

    id: str
    api_version: str
    description: str = ""


def parse(text: str, where: str = FILE) -> FunctionProject | None:
    """None when the file declares no function. Raises Invalid; `where` names the file in it."""
    if len(text.encode()) > BYTES_MAX:
        raise _refused(where, f"it is longer than {BYTES_MAX // 1024} KiB")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _refused(where, f"it is not TOML: {error}") from None
    table = _table(_table(document, "com"), "salesforce")
    if table.get("type") != "function":
        return None
    _check_fork_safe(_table(document, "setpoint"), where)
    return FunctionProject(
        id=_id(table, where),
        api_version=_api_version(table, where),
        description=str(table.get("description", "")),
    )


def _table(parent: dict[str, object], key: str) -> dict[str, object]:
    child = parent.get(key)
    return cast("dict[str, object]", child) if isinstance(child, dict) else {}


def _id(table: dict[str, object], where: str) -> str:
    id = table.get("id")
    if id is None:
        raise _refused(where, "[com.salesforce] has no id", 'add: id = "myfunction"')
    if not isinstance(id, str) or not ID_RE.fullmatch(id):
        raise _refused(
            where,
            f"id {id!r} is not lower-case letters and digits, a letter first, at most 30",
        )
    return id


def _api_version(table: dict[str, object], where: str) -> str:
    version = table.get("salesforce-api-version")
    hint = f'add: salesforce-api-version = "{API_MAJOR_MIN}.0"'
    if version is None:
        raise _refused(where, "[com.salesforce] has no salesforce-api-version", hint)
    match = API_VERSION_RE.fullmatch(version) if isinstance(version, str) else None
    if match is None:
        raise _refused(where, f"salesforce-api-version {version!r} is not a text like '53.0'", hint)
    if int(match[1]) < API_MAJOR_MIN:
        raise _refused(where, f"salesforce-api-version {version} is older than 53.0", hint)
    return match[0]


def _check_fork_safe(ours: dict[str, object], where: str) -> None:
    """It is for the worker to heed; here it is only made sure that it can be understood."""
    if not isinstance(ours.get("fork-safe", True), bool):
        raise _refused(where, "fork-safe in [setpoint] is neither true nor false")


def _refused(where: str, fact: str, hint: str = "") -> Invalid:
    return Invalid(f"cannot read {where}: {fact}", hint)
