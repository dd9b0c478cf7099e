"""`setpoint export`: an app as `setpoint apply` would take it, with the why of each value."""

from collections.abc import Iterable, MutableMapping
from pathlib import Path
from typing import Any

from setpoint.cli import codes
from setpoint.cli.arguments import Arguments
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app
from setpoint.model.errors import Refused

EXAMPLE = "setpoint export shop -f setpoint.toml"
PROCESS = ("min", "max", "size", "idle_s", "boot_s_max", "concurrency")
PROBE = ("path", "timeout_s", "status_below", "once")
ALONE = {"release_phase": "run_s_max", "isolation_level_min": "value", "region": "value"}
LISTS = {"buildpacks": "use", "domains": "hosts", "egress": "to"}
"""Each with what its texts are called where a why stands beside them."""
DECISION = ("bet", "wrong_if", "if_wrong", "revisit", "owner", "backup")

Table = MutableMapping[str, Any]


def arguments(parser: Arguments) -> None:
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
    above = str(table.get("why", ""))
    if app["maintenance"] is not None or "maintenance" in table:
        _alone(table, "maintenance", "on", app["maintenance"] or {"on": False, "why": ""}, above)
    for name, key in ALONE.items():
        if app[name] is None:
            table.pop(name, None)
        else:
            _alone(table, name, key, app[name], above)
    for name, key in LISTS.items():
        _list(table, name, key, app[name] or {key: [], "why": ""}, above)
    formation = {**app["processes"], **app["functions"]}
    for kind in ("processes", "functions"):
        _only(table.get(kind, {}), formation)
        for name, said in app[kind].items():
            _process(_table(_table(table, kind, bare=True), name), said, above)
    _only(table.get("config", {}), app["config"])
    for key, var in app["config"].items():
        _var(_table(table, "config"), key, var, above)


def _only(table: Table, there: Iterable[str]) -> None:
    """What is not so any more is not said any more."""
    for name in [name for name in table if name not in there]:
        del table[name]


def _alone(table: Table, name: str, key: str, said: dict[str, Any], above: str) -> None:
    """`true`; with a why of its own `{ key = true, why = "..." }`."""
    import tomlkit

    if isinstance(table.get(name), MutableMapping):
        _inline(table, name, {key: said[key]}, said["why"], above)
    elif said["why"] in ("", above):
        _set(table, name, said[key])
    else:
        whole = tomlkit.inline_table()
        whole.update({key: said[key], "why": said["why"]})
        table[name] = whole


def _list(table: Table, name: str, key: str, said: dict[str, Any], above: str) -> None:
    """`["a", "b"]`; with a why of its own `{ key = ["a", "b"], why = "..." }`."""
    import tomlkit

    if name not in table:
        if not said[key]:
            return
        table[name] = said[key]
    elif isinstance(table[name], str):
        table[name] = [table[name]]
    if said["why"] not in ("", above) and not isinstance(table[name], MutableMapping):
        whole = tomlkit.inline_table()
        whole[key] = table[name]
        table[name] = whole
    if isinstance(table[name], MutableMapping):
        _texts(table[name][key], said[key])
        _inline(table, name, {}, said["why"], above)
    else:
        _texts(table[name], said[key])


def _texts(held: list[Any], wanted: list[str]) -> None:
    """One by one: comments between them stay."""
    for gone in [text for text in held if text not in wanted]:
        held.remove(gone)
    for text in wanted:
        if text not in held:
            held.append(text)


def _process(table: Table, said: dict[str, Any], above: str) -> None:
    count, both = table.get("count"), said["min"] is not None and said["min"] == said["max"]
    if count is not None and both:
        _set(table, "count", said["min"])
    for name in PROCESS:
        bound = name in ("min", "max") and "count" in table
        if bound and (both or said[name] is None):
            continue
        if bound:
            del table["count"]
        _set(table, name, said[name])
    above = str(table.get("why", "")) or above
    if said["probe"] is None:
        table.pop("probe", None)
    else:
        told = {name: said["probe"][name] for name in PROBE}
        _inline(table, "probe", told, said["probe"]["why"], above)
    _why(table, said["why"], above)


def _var(config: Table, key: str, var: dict[str, Any], above: str) -> None:
    """Where its value comes from is the file's to say; of one that it does not know, only that it
    is kept."""
    _inline(config, key, {} if key in config else {"kept": True}, var["why"], above)


def _inline(parent: Table, name: str, said: dict[str, Any], why: str, above: str) -> None:
    """A small table in one line. One that gets a key more is written anew; a comment stays."""
    import tomlkit
    from tomlkit.items import InlineTable

    held = parent.get(name, {})
    told = {key: value for key, value in said.items() if held.get(key) != value}
    if why and (why != above or "why" in held) and held.get("why") != why:
        told["why"] = why
    if name in parent and (told.keys() <= held.keys() or not isinstance(held, InlineTable)):
        held.update(told)
    elif told:
        fresh = tomlkit.inline_table()
        fresh.update({**held, **told})
        parent[name] = fresh


def _why(table: Table, why: str, above: str) -> None:
    """`above`: what would count if nothing stood here."""
    if why and (why != above or "why" in table):
        _set(table, "why", why)


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
    """One that is so already keeps its own way of being written. None: by default, and unsaid."""
    if value is None:
        table.pop(name, None)
    elif table.get(name) != value:
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
