"""`setpoint export`: an app as `setpoint apply` would take it, with the why of each value."""

import argparse
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app
from setpoint.model.errors import Refused

EXAMPLE = "setpoint export shop -f setpoint.toml"
PROCESS = ("min", "max", "size", "idle_s", "boot_s_max", "why")
DECISION = ("bet", "wrong_if", "if_wrong", "revisit", "owner", "backup")

Table = MutableMapping[str, Any]


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser)
    parser.add_argument(
        "-f", "--file", metavar="FILE", help="into this file, whose comments and order stay"
    )


def run(here: Here) -> int:
    declared = here.client.get(path("v1", "apps", here.app, "declared"))
    before = _before(here.args.file) if here.args.file else ""
    text = written(before, declared)
    if not here.args.file:
        here.out.line(text.rstrip("\n"))
    else:
        _write(Path(here.args.file), text)
        here.out.line(f"{here.app} is in {here.args.file}; see: setpoint plan -f {here.args.file}")
    here.out.result(declared)
    return codes.SETTLED


def written(before: str, declared: dict[str, Any]) -> str:
    """`before`: the file as it was. What it says otherwise is made to say what is; its comments,
    its order, and all that is about other apps stay."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(before)
        for app in declared["apps"]:
            _app(_table(_table(document, "apps", bare=True), app["name"], bare=True), app)
        _decisions(document, declared["decisions"])
        return tomlkit.dumps(document)
    except (TOMLKitError, TypeError, AttributeError) as error:
        raise Refused(f"cannot export into that file: {error}") from None


def _app(table: Table, app: dict[str, Any]) -> None:
    if app["maintenance"] is not None or "maintenance" in table:
        _set(table, "maintenance", bool(app["maintenance"]))
    for kind in ("processes", "functions"):
        for name, said in app[kind].items():
            _process(_table(_table(table, kind, bare=True), name), said)
    for key, var in app["config"].items():
        _var(_table(table, "config"), key, var)


def _process(table: Table, said: dict[str, Any]) -> None:
    count = table.get("count")
    if count is not None and said["min"] == said["max"]:
        _set(table, "count", said["min"])
    for name in PROCESS:
        bound = name in ("min", "max") and "count" in table
        if said[name] in (None, "") or (bound and said["min"] == said["max"]):
            continue
        if bound:
            del table["count"]
        _set(table, name, said[name])


def _var(config: Table, key: str, var: dict[str, Any]) -> None:
    """Where its value comes from is the file's to say; of one that it does not know, only that it
    is kept."""
    import tomlkit

    if key not in config:
        config[key] = tomlkit.inline_table()
        config[key]["kept"] = True
    if var["why"]:
        _set(config[key], "why", var["why"])


def _decisions(document: Any, decisions: list[dict[str, Any]]) -> None:
    """Those that the file does not name yet, at its end."""
    import tomlkit

    known = document.get("decisions", [])
    titles = {str(d.get("title", "")).strip() for d in known}
    for said in decisions:
        title, _, why = said["text"].partition("\n")
        if title in titles:
            continue
        table = tomlkit.table()
        told = {"title": title, "why": why.strip(), "on": said["on"]}
        told |= {name: said[name] for name in DECISION}
        for name, text in told.items():
            if text:
                table[name] = text
        if "decisions" not in document:
            document.add(tomlkit.nl())
            document["decisions"] = tomlkit.aot()
        document["decisions"].append(table)


def _table(parent: Table, name: str, *, bare: bool = False) -> Table:
    """`bare`: it has no line of its own, only tables below it."""
    import tomlkit

    if name not in parent:
        parent[name] = tomlkit.table(is_super_table=bare)
    return parent[name]


def _set(table: Table, name: str, value: object) -> None:
    """One that is so already keeps its own way of being written."""
    if table.get(name) != value:
        table[name] = value


def _before(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise Refused(f"cannot read {file!r}: it is not UTF-8") from None
    except OSError as error:
        raise Refused(f"cannot read {file!r}: {error.strerror}") from None


def _write(file: Path, text: str) -> None:
    """Whole or not at all."""
    beside = file.with_name(f".{file.name}.new")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(file)
    except OSError as error:
        raise Refused(f"cannot write {str(file)!r}: {error.strerror}") from None
