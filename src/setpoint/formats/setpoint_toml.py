"""`setpoint.toml`: what is intended, as a file that can be kept beside the code.

[apps.shop]
domains = ["www.example.com"]
egress = { to = ["internet", "10.0.3.0/24"], why = "the stock is in the warehouse's database" }

[apps.shop.processes.web]
min = 1
max = 3
probe = { path = "/health" }
why = "the fair is on Saturday"

[apps.shop.config]
GREETING = { env = "SHOP_GREETING", why = "a warmer word" }

[[decisions]]
title = "three web instances, for the fair"
"""

import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, cast

import msgspec

from setpoint.model.decision import Wish
from setpoint.model.declared import (
    Declared,
    DeclaredApp,
    DeclaredBuildpacks,
    DeclaredDomains,
    DeclaredEgress,
    DeclaredMaintenance,
    DeclaredProbe,
    DeclaredProcess,
    DeclaredReleasePhase,
    DeclaredVar,
    DeclaredWord,
)
from setpoint.model.errors import Invalid, OverLimit
from setpoint.model.text import printable

BYTES_MAX = 1024 * 1024
APPS_MAX = 100
Table = Mapping[str, Any]

_ELSEWHERE = {
    "addons": "Setpoint has none yet",
    "source": "send it with: setpoint deploy",
    "access": "say who may do what with: setpoint access",
    "freeze": "say it with: setpoint freeze",
    "probes": "say each of its process: processes.web.probe",
}
"""Keys of an app that a file cannot hold, and what does."""
_PROBE = DeclaredProbe.__struct_fields__
_TEXTS = ("bet", "wrong_if", "if_wrong", "revisit", "owner", "backup", "serves", "supersedes")


def parse(text: str, env: Mapping[str, str]) -> Declared:
    """`env`: what config vars may be read from. Raises Invalid, with the place in the file."""
    if len(text.encode()) > BYTES_MAX:
        raise OverLimit(f"cannot read the file: it is larger than {BYTES_MAX // 1024} KiB")
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        fact = printable(str(error)) or "it nests too deep"
        raise Invalid(f"cannot read the file: {fact}") from None
    _known("", document, ("apps", "decisions"), {})
    apps = _table("apps", document.get("apps", {}))
    if len(apps) > APPS_MAX:
        raise OverLimit(f"cannot read the file: {len(apps)} apps, at most {APPS_MAX} are allowed")
    decisions = document.get("decisions", [])
    if not isinstance(decisions, list):
        _wrong("decisions", "write each as [[decisions]]")
    return Declared(
        apps=tuple(_app(name, _table(f"apps.{name}", said), env) for name, said in apps.items()),
        decisions=tuple(
            _decision(f"decisions[{n}]", said)
            for n, said in enumerate(cast("list[object]", decisions))
        ),
    )


def _app(name: str, said: Table, env: Mapping[str, str]) -> DeclaredApp:
    at = f"apps.{name}"
    _known(at, said, [f for f in DeclaredApp.__struct_fields__ if f != "name"], _ELSEWHERE)
    processes = _processes(f"{at}.processes", said.get("processes", {}))
    functions = _processes(f"{at}.functions", said.get("functions", {}))
    for twice in processes.keys() & functions.keys():
        _wrong(f"{at}.functions.{twice}", "it is among the processes too")
    config = _table(f"{at}.config", said.get("config", {}))
    return DeclaredApp(
        name=name,
        processes=processes,
        functions=functions,
        config={key: _var(f"{at}.config.{key}", var, env) for key, var in config.items()},
        maintenance=_maintenance(f"{at}.maintenance", said.get("maintenance")),
        release_phase=_release_phase(f"{at}.release_phase", said.get("release_phase")),
        buildpacks=_buildpacks(f"{at}.buildpacks", said.get("buildpacks")),
        domains=_domains(f"{at}.domains", said.get("domains")),
        egress=_egress(f"{at}.egress", said.get("egress")),
        isolation_level_min=_word(f"{at}.isolation_level_min", said.get("isolation_level_min")),
        region=_word(f"{at}.region", said.get("region")),
        why=_text(f"{at}.why", said.get("why", "")),
    )


# Each may stand by itself, as in `domains = ["a", "b"]`, or with its why beside it, as in
# `domains = { hosts = ["a", "b"], why = "..." }`.


def _maintenance(at: str, said: object) -> DeclaredMaintenance | None:
    if said is None:
        return None
    on, why = _alone_or_told(at, said, "on")
    if not isinstance(on, bool):
        _wrong(at, "it is true or false")
    return DeclaredMaintenance(on, why)


def _release_phase(at: str, said: object) -> DeclaredReleasePhase | None:
    if said is None:
        return None
    run_s_max, why = _alone_or_told(at, said, "run_s_max")
    if isinstance(run_s_max, bool) or not isinstance(run_s_max, int | float):
        _wrong(at, "it is how many seconds it may take")
    return DeclaredReleasePhase(float(run_s_max), why)


def _buildpacks(at: str, said: object) -> DeclaredBuildpacks | None:
    return DeclaredBuildpacks(*_listed(at, said, "use")) if said is not None else None


def _domains(at: str, said: object) -> DeclaredDomains | None:
    return DeclaredDomains(*_listed(at, said, "hosts")) if said is not None else None


def _egress(at: str, said: object) -> DeclaredEgress | None:
    return DeclaredEgress(*_listed(at, said, "to")) if said is not None else None


def _word(at: str, said: object) -> DeclaredWord | None:
    if said is None:
        return None
    value, why = _alone_or_told(at, said, "value")
    return DeclaredWord(_text(at, value), why)


def _listed(at: str, said: object, key: str) -> tuple[tuple[str, ...], str]:
    found, why = _alone_or_told(at, said, key)
    return _strings(f"{at}.{key}" if isinstance(said, dict) else at, found), why


def _alone_or_told(at: str, said: object, key: str) -> tuple[object, str]:
    """(the value, why)"""
    if not isinstance(said, dict):
        return said, ""
    table = _table(at, cast("object", said))
    _known(at, table, (key, "why"), {})
    if key not in table:
        _wrong(at, f"{key} is missing")
    return table[key], _text(f"{at}.why", table.get("why", ""))


def _strings(at: str, said: object) -> tuple[str, ...]:
    """One alone may stand without brackets."""
    found = [said] if isinstance(said, str) else said
    if not isinstance(found, list) or not all(
        isinstance(each, str) for each in cast("list[object]", found)
    ):
        _wrong(at, "it is a list of texts")
    return tuple(cast("list[str]", found))


def _processes(at: str, said: object) -> dict[str, DeclaredProcess]:
    return {name: _process(f"{at}.{name}", one) for name, one in _table(at, said).items()}


def _process(at: str, said: object) -> DeclaredProcess:
    """`count = 2` is min and max at once."""
    table = dict(_table(at, said))
    fields = DeclaredProcess.__struct_fields__
    _known(at, table, (*fields, "count"), {})
    if "count" in table:
        if "min" in table or "max" in table:
            _wrong(f"{at}.count", "it is min and max at once, and one of these is there too")
        table["min"] = table["max"] = table.pop("count")
    for name in fields:
        _check_number(f"{at}.{name}", name, table.get(name))
    if "probe" in table:
        _known(f"{at}.probe", _table(f"{at}.probe", table["probe"]), _PROBE, {})
    try:
        return msgspec.convert(table, DeclaredProcess)
    except msgspec.ValidationError as error:
        _wrong(at, printable(str(error)))


def _check_number(at: str, name: str, value: object) -> None:
    if name in ("min", "max") and value is not None and type(value) is not int:
        _wrong(at, "it is a whole number")


def _var(at: str, said: object, env: Mapping[str, str]) -> DeclaredVar:
    if isinstance(said, str):
        _wrong(
            at, 'a value never stands in the file; say where it comes from: { env = "NAME" }'
        )  # and the value is not repeated
    table = _table(at, said)
    _known(at, table, ("env", "kept", "why"), {"value": "a value never stands in the file"})
    why = _text(f"{at}.why", table.get("why", ""))
    if ("env" in table) == (table.get("kept") is True):
        _wrong(at, 'say either { env = "NAME" } or { kept = true }')
    if "env" not in table:
        return DeclaredVar(why=why)
    name = _text(f"{at}.env", table["env"])
    if name not in env:
        _wrong(at, f"{printable(name)[:80]} is not set in the environment")
    return DeclaredVar(env=name, why=why, value=env[name])


def _decision(at: str, said: object) -> Wish:
    table = _table(at, said)
    _known(at, table, (*_TEXTS, "title", "why", "on"), {})
    title = _text(f"{at}.title", table.get("title", ""))
    if not title.strip() or "\n" in title:
        _wrong(f"{at}.title", "it is one line of words")
    on = _strings(f"{at}.on", table.get("on", []))
    why = _text(f"{at}.why", table.get("why", ""))
    texts = {name: _text(f"{at}.{name}", table.get(name, "")) for name in _TEXTS}
    return Wish(
        text=f"{title.strip()}\n\n{why}".strip(),
        on=on,
        **texts,
    )


def _table(at: str, said: object) -> Table:
    if not isinstance(said, dict):
        _wrong(at, "it is no table")
    return cast("dict[str, Any]", said)


def _text(at: str, said: object) -> str:
    if not isinstance(said, str):
        _wrong(at, "it is no text")
    return said


def _known(at: str, said: Table, names: Iterable[str], elsewhere: Mapping[str, str]) -> None:
    known = tuple(names)
    for key in said:
        if key not in known:
            where = f"{at}.{key}" if at else key
            _wrong(where, elsewhere.get(key, f"known here are {', '.join(known)}"))


def _wrong(at: str, fact: str) -> NoReturn:
    raise Invalid(f"cannot read the file: {printable(at)[:200]}: {fact}")
