"""What would happen if: the planner on a draft. Nothing is written, and no app need exist."""

import msgspec

from setpoint.api.call import Call
from setpoint.formats.heroku import read
from setpoint.model.answer import PlannedStep
from setpoint.model.app import Formation, Source, Unit, default_formation
from setpoint.model.ids import Digest
from setpoint.model.job import CronJob
from setpoint.model.release import ProcessType
from setpoint.planning import foretold
from setpoint.policy import limits
from setpoint.views import lookup, plans


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`source`: a digest, uploaded or not. `processes`, `cron`: what its folder names. Config by
    key."""

    source: str | None = None
    version: str = ""
    processes: tuple[ProcessType, ...] = ()
    cron: tuple[CronJob, ...] = ()
    formation: dict[str, read.FormationChange] = {}
    config_set: tuple[str, ...] = ()
    config_unset: tuple[str, ...] = ()


class Planned(msgspec.Struct, frozen=True):
    """`steps`: in order. `ends`: what is still waited on, unmet or stalled in the last pass."""

    draft: plans.DraftPlan
    steps: tuple[PlannedStep, ...]
    ends: tuple[str, ...]


async def plan(call: Call, body: Wish) -> Planned:
    app, store = call.param("app"), call.services.store
    unit = await lookup.seen_named(store, call.asked.actor, app)
    draft = await plans.draft(
        store,
        call.asked.actor,
        app,
        _edits(app, unit, body),
        call.services.capabilities(),
        call.asked.at_s,
    )
    return Planned(draft, foretold.steps(draft.passes), foretold.ends(draft.passes))


def _edits(app: str, unit: Unit | None, wish: Wish) -> plans.Edits:
    limits.check_config(app, dict.fromkeys((*wish.config_set, *wish.config_unset)))
    limits.check_version(app, wish.version)
    source = None
    if wish.source is not None:
        source = Source(Digest(read.checksum(wish.source)), wish.version)
    return plans.Edits(
        source=source,
        config_set=wish.config_set,
        config_unset=wish.config_unset,
        formation={name: _wanted(app, unit, wish, name) for name in wish.formation},
        processes=wish.processes,
        cron=wish.cron,
    )


def _wanted(app: str, unit: Unit | None, wish: Wish, name: str) -> Formation:
    """What is intended now, with what the wish says of it; checked as a scale would be."""
    change = wish.formation[name]
    before = unit.intent.formation.get(name) if unit is not None else None
    known = next((p for p in wish.processes if p.name == name), ProcessType(name, "worker"))
    current = before or default_formation(name, known.kind)
    low, high = read.bounds(change, current)
    said: dict[str, object] = {
        "min": low,
        "max": high,
        "size": change.size_name,
        "idle_s": change.idle_s,
        "boot_s_max": change.boot_s_max,
        "concurrency": change.concurrency,
    }
    if change.concurrency is not None:
        limits.check_concurrency(app, name, known.kind, change.concurrency)
    after = msgspec.structs.replace(current, **{k: v for k, v in said.items() if v is not None})
    limits.check_formation(app, name, after)
    return after
