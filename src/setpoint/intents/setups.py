"""How an app begins: what its app.json says, where nobody has said otherwise."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from setpoint.formats import buildpack
from setpoint.formats.app_setup import AppSetup, missing
from setpoint.intents import secrets
from setpoint.intents.door import Door
from setpoint.model.app import AppIntent, Formation, Setup, Unit, default_formation
from setpoint.model.errors import Invalid
from setpoint.model.ids import AppId
from setpoint.policy import limits

UNNAMED = "app.json"


class Begins(NamedTuple):
    """`env`: said by whoever begins it, and counts before the file. `branch`: of a review app."""

    setup: AppSetup
    env: Mapping[str, str] = {}
    buildpacks: tuple[str, ...] = ()
    branch: str = ""


class Begun(NamedTuple):
    """The document with it, values to be sealed, and where each comes from, by path."""

    intent: AppIntent
    sealed: dict[str, str]
    whys: dict[str, str]


def check(name: str, begins: Begins) -> None:
    """Before an app is created for it. Raises Invalid."""
    lacking = missing(begins.setup, begins.env)
    if lacking:
        raise Invalid(
            f"cannot set up '{name}': app.json wants {', '.join(lacking)}, and nobody said it",
            "say it in overrides.env",
        )
    limits.check_config(name, begins.env)
    _formation(name, AppIntent(AppId(""), name), begins.setup)
    for text in (*begins.setup.buildpacks, *begins.buildpacks):
        buildpack.parse(text)


def begun(door: Door, unit: Unit, begins: Begins, at_s: float) -> Begun:
    """What is set already stays. Raises Invalid."""
    name, intent, setup = unit.name, unit.intent, begins.setup
    values = _values(door, intent, begins)
    limits.check_config(name, values)
    limits.check_config_count(name, {**intent.config, **values})
    refs = {key: secrets.next_ref(door, None) for key in values}
    formation = _formation(name, intent, setup)
    packs = intent.buildpacks or begins.buildpacks or setup.buildpacks
    for text in packs:
        buildpack.parse(text)
    branch = begins.branch or (intent.setup.branch if intent.setup is not None else "")
    scripts = setup.postdeploy or setup.predestroy or branch
    after = msgspec.structs.replace(
        intent,
        config={**intent.config, **refs},
        formation={**intent.formation, **formation},
        buildpacks=packs,
        setup=Setup(at_s, setup.postdeploy, setup.predestroy, branch) if scripts else None,
    )
    sealed = {refs[key].key: value for key, value in values.items()}
    return Begun(after, sealed, _whys(begins, values, formation))


def _values(door: Door, intent: AppIntent, begins: Begins) -> dict[str, str]:
    found = dict(begins.env)
    for key, var in begins.setup.env.items():
        if key in found or key in intent.config:
            continue
        if var.value is not None:
            found[key] = var.value
        elif var.secret:
            found[key] = door.new_token()
    return found


def _formation(name: str, intent: AppIntent, setup: AppSetup) -> dict[str, Formation]:
    found: dict[str, Formation] = {}
    for process, wanted in setup.formation.items():
        if process in intent.formation:
            continue
        base = default_formation(process, "web" if process == "web" else "worker")
        size = wanted.size or base.size
        said = msgspec.structs.replace(base, min=wanted.quantity, max=wanted.quantity, size=size)
        limits.check_formation(name, process, said)
        found[process] = said
    return found


def _whys(
    begins: Begins, values: Mapping[str, str], formation: Mapping[str, Formation]
) -> dict[str, str]:
    """Of what the file says; what somebody said has their own why."""
    told: dict[str, str] = {}
    for key in values:
        if key not in begins.env:
            var = begins.setup.env[key]
            made = "made up at random" if var.secret and var.value is None else ""
            told[f"config.{key}"] = ", ".join(filter(None, ("app.json", made, var.description)))
    for process in formation:
        told |= {f"formation.{process}.{field}": UNNAMED for field in ("min", "max", "size")}
    return told
