"""Which apps there are, and how one of them is."""

import msgspec

from setpoint.model.app import Unit, Upkeep
from setpoint.model.capability import Unmet
from setpoint.model.change import Actor
from setpoint.model.condition import Condition, ConditionType, find
from setpoint.model.ids import AppId
from setpoint.model.observed import StatusSummary
from setpoint.model.release import Release
from setpoint.model.steps import Waiting
from setpoint.planning import damage, drains
from setpoint.policy import access
from setpoint.store.port import Damaged, Standing, Status, Store
from setpoint.views import lookup, upkeep

UNSEEN = Standing(None, 0, 0)


class AppLine(msgspec.Struct, frozen=True):
    """One app in a list. Times are unix seconds. `release`: the one that serves, else the newest;
    0 before the first."""

    id: AppId
    name: str
    owner: str
    state: str
    """settled, converging, stalled, destroying or new"""
    message: str
    release: int
    maintenance: bool
    created_at_s: float
    updated_at_s: float
    upkeep: Upkeep | None = None
    """as somebody said; it may be over"""


class AppInfo(msgspec.Struct, frozen=True):
    """One app in full. `seen_s_ago`: age of conditions, urls, waiting and unmet; None: never."""

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
    source: str
    config_keys: tuple[str, ...]
    formation: dict[str, str]
    urls: tuple[str, ...]
    release: int
    release_status: str
    stack: str
    maintenance: bool
    conditions: tuple[Condition, ...]
    waiting: tuple[Waiting, ...]
    unmet: tuple[Unmet, ...]
    seen_s_ago: float | None


async def apps(store: Store, actor: Actor) -> tuple[AppLine, ...]:
    """By name. One that cannot be read is told as that, to who may see it whoever may."""
    access.authorise(actor, "see", "the apps")
    found = await lookup.apps_of(store, actor)
    standings = await store.standings()
    lines = [_line(unit, standings.get(unit.id, UNSEEN)) for unit in found]
    damaged = [d for d in await store.damaged() if access.sees(actor, lookup.stand_in(d))]
    if damaged:
        lines += [_unread(d, standings.get(d.app, UNSEEN)) for d in damaged]
        lines.sort(key=lambda line: line.name)
    return tuple(lines)


def _unread(damaged: Damaged, standing: Standing) -> AppLine:
    line = _line(lookup.stand_in(damaged), standing)
    return msgspec.structs.replace(line, state="stalled", message=damaged.fact)


async def damaged(store: Store, actor: Actor, name: str) -> Unit | None:
    """What stands for an app that cannot be read, by its name or id, if there is one."""
    found = next((d for d in await store.damaged() if name in (d.name, d.app)), None)
    unit = lookup.stand_in(found) if found is not None else None
    return unit if unit is not None and access.sees(actor, unit) else None


async def info(store: Store, actor: Actor, name: str, edge_port: int, now_s: float) -> AppInfo:
    """`edge_port`: where the edge listens, for the urls."""
    unit = await lookup.app_to(store, actor, "see", name)
    status, summary = await lookup.seen(store, unit.id)
    releases = await store.releases(unit.id, 1)
    release = releases[0] if releases else None
    state, message = _state(unit, status)
    return AppInfo(
        id=unit.id,
        name=unit.name,
        owner=unit.owner,
        state=state,
        message=message,
        created_at_s=unit.created_at_s,
        updated_at_s=unit.updated_at_s,
        generation=unit.generation,
        observed_generation=status.observed_generation if status is not None else 0,
        etag=unit.etag,
        last_change=unit.last_change,
        source=unit.intent.source.digest if unit.intent.source is not None else "",
        config_keys=tuple(sorted(unit.intent.config)),
        formation=_formation(unit, release),
        urls=_urls(summary, edge_port),
        release=release.version if release is not None else 0,
        release_status=release.status if release is not None else "",
        stack=release.slug.stack if release is not None else "",
        maintenance=unit.intent.maintenance,
        conditions=await _conditions(store, unit, status, now_s),
        waiting=summary.waiting,
        unmet=summary.unmet,
        seen_s_ago=max(0.0, now_s - status.at_s) if status is not None else None,
    )


async def _conditions(
    store: Store, unit: Unit, status: Status | None, now_s: float
) -> tuple[Condition, ...]:
    """As last concluded; whether what is sent arrives, and what was done is told, is looked up."""
    concluded = status.conditions if status is not None else ()
    found = [*await upkeep.explained(store, unit, concluded, now_s)]
    if unit.intent.drains:
        shipped = await store.shipped(unit.id)
        sent = drains.condition(unit.intent, unit.generation, shipped, now_s)
        found += [sent] if sent is not None else []
    recorded = damage.recorded(await store.blemishes(unit.id), unit.generation)
    return (*found, recorded) if recorded is not None else tuple(found)


def _line(unit: Unit, standing: Standing) -> AppLine:
    state, message = _state(unit, standing.status)
    return AppLine(
        id=unit.id,
        name=unit.name,
        owner=unit.owner,
        state=state,
        message=message,
        release=standing.serving or standing.newest,
        maintenance=unit.intent.maintenance,
        created_at_s=unit.created_at_s,
        updated_at_s=unit.updated_at_s,
        upkeep=unit.intent.upkeep,
    )


def _state(unit: Unit, status: Status | None) -> tuple[str, str]:
    """One word, and the next step where a human is needed. Conditions of an older generation say
    nothing about this one."""
    if unit.intent.deleted:
        return "destroying", ""
    if status is None:
        return "new", ""
    stalled = find(status.conditions, ConditionType.STALLED)
    if status.observed_generation < unit.generation:
        return "converging", ""
    if stalled is not None and stalled.status:
        return "stalled", stalled.message
    progressing = find(status.conditions, ConditionType.PROGRESSING)
    if progressing is not None and progressing.status:
        return "converging", progressing.message
    return "settled", ""


def _formation(unit: Unit, release: Release | None) -> dict[str, str]:
    """What is intended per process of the newest release: 'web' -> '0..2'."""
    if release is None:
        return {}
    return {
        p.name: unit.intent.formation_of(p.name, p.kind).text
        for p in release.slug.processes
        if p.kind != "release"
    }


def _urls(summary: StatusSummary, edge_port: int) -> tuple[str, ...]:
    """Only hosts that lead somewhere."""
    if summary.route is None:
        return ()
    port = "" if edge_port == 80 else f":{edge_port}"
    backends = summary.route.route.backends
    return tuple(f"http://{host}{port}" for b in backends if b.target for host in b.hosts)
