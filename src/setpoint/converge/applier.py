"""Carries one step out. One `match`; looks right before each effect whether it is still wanted."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import assert_never

from setpoint.drivers.ports import Driver, Edge
from setpoint.model.app import SecretRef, Unit
from setpoint.model.errors import Terminal, Transient
from setpoint.model.ids import AppId, Fence, SetKey
from setpoint.model.journal import EntryState
from setpoint.model.release import Build
from setpoint.model.route import Route, RouteFacts
from setpoint.model.steps import (
    CutRelease,
    EnsureProcesses,
    EnsureRoute,
    ForgetApp,
    RemoveProcesses,
    RemoveRoute,
    SettleJob,
    SettleRelease,
    StartBuild,
    StartJob,
    Step,
    StopJob,
)
from setpoint.store.port import Store


class Next(Enum):
    """What an outcome means for the rest of the pass."""

    GO_ON = auto()
    LOOK_AGAIN = auto()
    """the intent has moved on: plan anew"""
    RETRY = auto()
    GIVE_UP = auto()
    """pointless until the intent or the world changes"""


@dataclass(frozen=True)
class Outcome:
    """`result`: for the journal; never holds a secret."""

    state: EntryState
    result: str = ""
    next: Next = Next.GO_ON


MOVED_ON = Outcome("refused", "the intent changed meanwhile", Next.LOOK_AGAIN)
REROUTED = Outcome("refused", "the edge has another route by now", Next.LOOK_AGAIN)
ROUTED = Outcome("refused", "requests are routed to it by now", Next.LOOK_AGAIN)


class Applier:
    """`timeout_s` bounds every effect."""

    def __init__(self, store: Store, driver: Driver, edge: Edge, timeout_s: float) -> None:
        self._store = store
        self._driver = driver
        self._edge = edge
        self._timeout_s = timeout_s

    async def apply(
        self, unit: Unit, step: Step, now_s: float, seen: RouteFacts | None = None
    ) -> Outcome:
        """`seen`: the route that the step was planned from. Never raises for what the world said;
        StoreError means the pass is over."""
        if await self._moved_on(unit):
            return MOVED_ON
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._carry_out(unit, step, now_s, seen)
        except TimeoutError:
            return Outcome("unknown", f"no answer within {self._timeout_s:g} s", Next.RETRY)
        except Transient as error:
            return Outcome("failed", error.message, Next.RETRY)
        except Terminal as error:
            return Outcome("failed", error.message, Next.GIVE_UP)

    async def _moved_on(self, unit: Unit) -> bool:
        return await self._store.rev(unit.id) != unit.rev

    async def _carry_out(
        self, unit: Unit, step: Step, now_s: float, seen: RouteFacts | None
    ) -> Outcome:
        match step:
            case StartBuild():
                environment = await self._reveal(step.environment)
                await self._driver.build(step.request, environment)
            case CutRelease():
                return await self._cut(step, now_s)
            case SettleRelease():
                await self._store.settle_release(
                    step.app, step.version, step.succeeded, step.message
                )
            case EnsureProcesses():
                environment = await self._reveal(step.environment)
                await self._driver.apply(step.order, environment)
            case RemoveProcesses():
                if not unit.intent.deleted and await self._routed(step.key):
                    return ROUTED
                await self._driver.remove(step.key, Fence(unit.incarnation, step.generation))
            case EnsureRoute():
                if await self._rerouted(step.route.app, seen):
                    return REROUTED
                await self._ensure_route(step)
            case RemoveRoute():
                await self._edge.remove_route(step.app, Fence(unit.incarnation, step.generation))
            case StartJob():
                environment = await self._reveal(step.environment)
                await self._driver.exec(step.order, environment)
            case StopJob():
                await self._driver.stop_job(step.app, step.id)
            case SettleJob():
                await self._store.settle_job(step.app, step.id, step.end)
            case ForgetApp():
                await self._driver.drop(step.app)
                await self._store.forget(step.app)
            case _:
                assert_never(step)
        return Outcome("succeeded")

    async def _routed(self, key: SetKey) -> bool:
        """The look that the plan was made from may not have seen what the pass before did."""
        route = await self._route(key.app)
        return route is not None and any(b.target == key for b in route.backends)

    async def _rerouted(self, app: AppId, seen: RouteFacts | None) -> bool:
        """What is led where is decided by what is led where now: a release that was overtaken just
        as requests reached it is kept for that alone."""
        return await self._route(app) != (seen.route if seen is not None else None)

    async def _route(self, app: AppId) -> Route | None:
        routes = (facts.route for facts in await self._edge.observe((app,)))
        return next((route for route in routes if route.app == app), None)

    async def _cut(self, step: CutRelease, now_s: float) -> Outcome:
        build = await self._build(step)
        if build is None:
            return Outcome("failed", "cannot cut a release: its build is unknown", Next.RETRY)
        release = await self._store.cut_release(
            step.app, build, step.config, step.description, step.change, now_s, step.commit
        )
        if release is None:
            return Outcome("refused", "superseded by a newer Change", Next.LOOK_AGAIN)
        return Outcome("succeeded", release.label)

    async def _build(self, step: CutRelease) -> Build | None:
        """What the slug comes from: a build, or an earlier release, which may outlive its build."""
        if step.copies is None:
            builds = await self._store.builds(step.app)
            return next((b for b in builds if b.id == step.build), None)
        copied = await self._store.release(step.app, step.copies)
        if copied is None or not copied.slug_kept:
            return None
        return Build(copied.build, step.app, copied.source, "succeeded", slug=copied.slug)

    async def _ensure_route(self, step: EnsureRoute) -> None:
        ref = step.invoke_key
        values = await self._reveal({"invoke_key": ref} if ref is not None else {})
        key = values.get("invoke_key", "")
        pems = await self._reveal({c.pem.key: c.pem for c in step.route.certificates})
        await self._edge.ensure_route(step.route, ref, key, pems)

    async def _reveal(self, refs: Mapping[str, SecretRef]) -> dict[str, str]:
        return await self._store.reveal(refs) if refs else {}
