"""One app with everything its owner may ask of it at once."""

from typing import Any

import msgspec

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.api.native import egress
from setpoint.api.native.probes import ProbeShown, shown
from setpoint.model.capability import Unmet
from setpoint.model.condition import Condition, ConditionType
from setpoint.model.condition import find as find_condition
from setpoint.model.errors import Unreadable
from setpoint.model.history import Usual
from setpoint.model.ids import AppId
from setpoint.model.release import ProcessType, Release
from setpoint.model.steps import Waiting
from setpoint.policy import access
from setpoint.views import apps, drift, dynos, history, releases, upkeep
from setpoint.views.drift import Drifted
from setpoint.views.dynos import Dyno, ProcessSet
from setpoint.views.releases import ReleaseLine
from setpoint.views.upkeep import UpkeepTold

RELEASES_SHOWN = 5


class Function(msgspec.Struct, frozen=True):
    """`host`: where the edge knows it; send it as the Host header."""

    name: str
    folder: str
    host: str


class AppDetail(msgspec.Struct, frozen=True):
    """`release`: the one that serves, else the newest. `releases`: the newest few.

    `at_s`: unix seconds of this answer, for ages; `seen_s_ago`: how old what was seen is.
    `cursor`: to watch from, without missing what happens from here on.
    `usual`: how long Changes took before, by verb.
    """

    at_s: float
    cursor: str
    id: AppId
    name: str
    owner: str
    state: str
    message: str
    created_at_s: float
    updated_at_s: float
    generation: int
    observed_generation: int
    etag: str
    last_change: int
    maintenance: bool
    source: str
    config_keys: tuple[str, ...]
    formation: dict[str, str]
    probes: tuple[ProbeShown, ...]
    """where somebody said otherwise than the default"""
    egress: egress.EgressShown
    urls: tuple[str, ...]
    functions: tuple[Function, ...]
    release: ReleaseLine | None
    releases: tuple[ReleaseLine, ...]
    dynos: tuple[Dyno, ...]
    sets: tuple[ProcessSet, ...]
    conditions: tuple[Condition, ...]
    waiting: tuple[Waiting, ...]
    unmet: tuple[Unmet, ...]
    seen_s_ago: float | None
    usual: dict[str, Usual]
    drift: tuple[Drifted, ...]
    """what outsiders changed in the last day, newest first"""
    upkeep: UpkeepTold | None


async def info(call: Call) -> AppDetail:
    """Of an app that is being destroyed too, until it is gone. One of which something cannot be
    read is told by its conditions alone."""
    try:
        return await _whole(call)
    except Unreadable as error:
        told = await _unread(call, error)
        if told is None:
            raise
        return told


async def _unread(call: Call, error: Unreadable) -> AppDetail | None:
    services, actor = call.services, call.asked.actor
    access.authorise(actor, "see", call.param("app"))
    unit = await apps.damaged(services.store, actor, call.param("app"))
    try:
        unit = unit or await find.app(call, leaving=True)
    except Unreadable:
        return None
    status = await services.store.status(unit.id)
    conditions = status.conditions if status is not None else ()
    stalled = find_condition(conditions, ConditionType.STALLED)
    known = stalled is not None and stalled.status
    return AppDetail(
        at_s=call.asked.at_s,
        cursor=await services.feed.here(),
        id=unit.id,
        name=unit.name,
        owner=unit.owner,
        state="stalled",
        message=stalled.message if stalled is not None and known else str(error),
        created_at_s=unit.created_at_s,
        updated_at_s=unit.updated_at_s,
        generation=unit.generation,
        observed_generation=status.observed_generation if status is not None else 0,
        etag="",
        last_change=unit.last_change,
        maintenance=unit.intent.maintenance,
        source="",
        config_keys=(),
        formation={},
        probes=(),
        egress=egress.shown(call, unit),
        urls=(),
        functions=(),
        release=None,
        releases=(),
        dynos=(),
        sets=(),
        conditions=conditions,
        waiting=(),
        unmet=(),
        seen_s_ago=max(0.0, call.asked.at_s - status.at_s) if status is not None else None,
        usual={},
        drift=(),
        upkeep=None,
    )


async def _whole(call: Call) -> AppDetail:
    cursor = await call.services.feed.here()
    unit = await find.app(call, leaving=True)
    store, actor, now_s = call.services.store, call.asked.actor, call.asked.at_s
    here = call.services.installation
    call.headers["ETag"] = unit.etag
    app = await apps.info(store, actor, unit.name, here.edge_port, now_s)
    seen = await dynos.dynos(store, actor, unit.name, now_s)
    newest = await releases.releases(store, actor, unit.name, RELEASES_SHOWN)
    more: dict[str, Any] = {
        "at_s": now_s,
        "cursor": cursor,
        "release": next((r for r in newest if r.current), newest[0] if newest else None),
        "releases": newest,
        "dynos": seen.dynos,
        "probes": tuple(shown(unit, process) for process in unit.intent.probes),
        "egress": egress.shown(call, unit),
        "sets": seen.sets,
        "drift": await drift.lately(store, unit.id, now_s),
        "upkeep": await upkeep.upkeep(store, unit, now_s),
        "usual": await history.usual(store, actor, unit.name),
        "functions": functions(unit.name, await store.releases(unit.id), here.host_suffix),
    }
    told = msgspec.structs.asdict(app)
    return AppDetail(**{k: v for k, v in (told | more).items() if k in FIELDS})


FIELDS = frozenset(AppDetail.__struct_fields__)


def functions(app: str, rows: tuple[Release, ...], suffix: str) -> tuple[Function, ...]:
    """Of the newest release that did not fail; `rows` newest first."""
    live = next((r for r in rows if r.status in ("pending", "succeeded")), None)
    known: tuple[ProcessType, ...] = live.slug.processes if live is not None else ()
    return tuple(
        Function(p.name, p.folder, f"{p.name}--{app}.{suffix}")
        for p in known
        if p.kind == "function"
    )
