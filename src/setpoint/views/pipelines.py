"""Pipelines, as each may know of them, and what came of promotions."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from setpoint.model.app import Unit
from setpoint.model.change import Actor
from setpoint.model.condition import ConditionType, find
from setpoint.model.errors import NotFound, Unreadable
from setpoint.model.ids import AppId
from setpoint.model.pipeline import Pipeline, Promotion, Target
from setpoint.policy import access
from setpoint.policy import pipelines as policy
from setpoint.policy.names import shortened
from setpoint.store.port import Store
from setpoint.views import lookup

BEGUN_S_MAX = 60.0
"""Within it each target of a promotion has been given it or refused, or nobody will any more."""
RELEASES_READ = 50


class Line(NamedTuple):
    """`apps`: those in it that whoever asks may know of."""

    pipeline: Pipeline
    apps: tuple[Unit, ...]


class Came(NamedTuple):
    """`release`: its version; None before there is one. `message`: why it failed."""

    app: AppId
    status: Literal["pending", "succeeded", "failed"]
    release: int | None = None
    message: str = ""


async def listed(store: Store, actor: Actor) -> tuple[Line, ...]:
    access.authorise(actor, "see", "pipelines")
    units = await store.units()
    lines = ((row, policy.members(row, units)) for row in await store.pipelines())
    return tuple(
        Line(row, tuple(u for u in apps if access.sees(actor, u)))
        for row, apps in lines
        if policy.sees(actor, row, apps)
    )


async def found(store: Store, actor: Actor, wanted: str, verb: str = "see the pipeline") -> Line:
    """By id or by name; one's own before another's of the same name. Raises NotFound."""
    lines = [
        ln for ln in await listed(store, actor) if wanted in (ln.pipeline.id, ln.pipeline.name)
    ]
    if not lines:
        raise policy.no_such(wanted, verb)
    return min(lines, key=lambda ln: ln.pipeline.owner != actor.email)


async def promoted(store: Store, actor: Actor, id: str) -> Promotion:
    """One may know of it whose pipeline one sees. Raises NotFound."""
    promotion = await store.promotion(id)
    if promotion is not None:
        lines = await listed(store, actor)
        if any(line.pipeline.id == promotion.pipeline for line in lines):
            return promotion
    raise NotFound(f"cannot see the promotion '{shortened(id)}': no such promotion")


async def came(store: Store, actor: Actor, promotion: Promotion, now_s: float) -> tuple[Came, ...]:
    """Of each target that whoever asks may know of, in the order of their ids. One that is gone is
    told of to everybody who sees the pipeline: nothing is left to be known of it."""
    told: list[Came] = []
    for target in promotion.targets:
        try:
            unit = await store.unit(target.app)
        except Unreadable as error:
            told += await _unread(store, actor, target, error)
        else:
            if unit is None or access.sees(actor, unit):
                told.append(await _came(store, promotion, target, unit, now_s))
    return tuple(told)


async def _unread(store: Store, actor: Actor, target: Target, error: Unreadable) -> list[Came]:
    unit = await lookup.unit(store, target.app)
    seen = unit is not None and access.sees(actor, unit)
    return [Came(target.app, "failed", None, error.message)] if seen else []


async def _came(
    store: Store, promotion: Promotion, target: Target, unit: Unit | None, now_s: float
) -> Came:
    if target.change is None:
        return _not_given(promotion, target, now_s)
    if unit is None or unit.intent.deleted:
        return Came(target.app, "failed", None, "the app was destroyed meanwhile")
    rows = await store.releases(unit.id, RELEASES_READ)
    row = next((r for r in rows if r.change == target.change), None)
    if row is None:
        return await _on_its_way(store, unit, target)
    match row.status:
        case "succeeded":
            return Came(target.app, "succeeded", row.version)
        case "failed":
            return Came(target.app, "failed", row.version, row.message or f"{row.label} failed")
        case "superseded":
            message = f"a newer release has overtaken {row.label}"
            return Came(target.app, "failed", row.version, message)
        case "pending":
            return await _on_its_way(store, unit, target, row.version)


def _not_given(promotion: Promotion, target: Target, now_s: float) -> Came:
    if target.error:
        return Came(target.app, "failed", None, target.error)
    if now_s - promotion.at_s < BEGUN_S_MAX:
        return Came(target.app, "pending")
    return Came(
        target.app, "failed", None, "the promotion was cut off before this app; promote again"
    )


async def _on_its_way(store: Store, unit: Unit, target: Target, version: int | None = None) -> Came:
    """Whatever keeps it from going on is told as a failure, since somebody waits for an end; should
    it come to serve after all, it has succeeded."""
    if unit.shape_change != target.change and version is None:
        return Came(target.app, "failed", None, "a newer Change has overtaken this one")
    status = await store.status(unit.id)
    if status is not None and status.observed_generation >= unit.generation:
        stalled = find(status.conditions, ConditionType.STALLED)
        if stalled is not None and stalled.status:
            return Came(target.app, "failed", version, stalled.message)
    return Came(target.app, "pending", version)


def coupled(units: Sequence[Unit]) -> tuple[Unit, ...]:
    """Those that are in a pipeline."""
    return tuple(u for u in units if u.intent.pipeline is not None and not u.intent.deleted)
