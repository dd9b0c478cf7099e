"""Trials in a world that has calmed down: one sick app among others, and an outsider nobody saw.

No other fault is about then, so that how long something takes can be held against how long the
same took a moment ago, or against the period.
"""

import asyncio
import random
from collections.abc import Callable, Sequence

import msgspec

from setpoint.model.app import Unit
from setpoint.model.ids import AppId
from setpoint.store.port import UnitWrite
from setpoint.testing import builders, checks
from setpoint.testing.world import SETTINGS, World
from setpoint.views import drift

LIMIT_S = 400.0
"""Longer than the slowest program takes to start, and the one before it to stop."""
SLACK_S = 3.0
"""The order of what happens at one moment is luck, and so is a look more or less."""
TELL_S = 1.0
"""From when somebody told of it: a look and the entry."""


async def neighbours(world: World, luck: random.Random) -> None:
    """While one app is sick the others come to what they are asked for as soon as ever."""
    apps = _at_rest(world)
    if len(apps) < 2:
        return
    sick = luck.choice(apps)
    others = [app for app in apps if app != sick and _is_up(world, app)]
    usual_s = await _afresh(world, others, ())
    ail, recover = luck.choice(_ailments(world, sick))
    ail()
    took_s = await _afresh(world, others, (sick,))
    for app in others:
        if took_s[app] > usual_s[app] + SLACK_S:
            told = f"{took_s[app]:.0f} s, and {usual_s[app]:.0f} s otherwise"
            world.watch.violated(f"{app} took {told}, while {sick} was sick")
    if _settled(world, sick):
        world.watch.violated(f"{sick} was sick, and is said to have settled")
    recover()


def _ailments(world: World, app: AppId) -> list[tuple[Callable[[], None], Callable[[], None]]]:
    """How one app can be sick, and how it recovers."""
    faults, spoiled = world.faults, world.store.spoiled
    return [
        (lambda: faults.sick.add(app), lambda: faults.sick.discard(app)),
        (lambda: faults.refusing.add(app), lambda: faults.refusing.discard(app)),
        (lambda: faults.lying.add(app), lambda: faults.lying.discard(app)),
        (lambda: spoiled.add(app), lambda: spoiled.discard(app)),
    ]


async def _afresh(world: World, apps: Sequence[AppId], too: Sequence[AppId]) -> dict[AppId, float]:
    """Everything of these is started afresh; how long each took. `too`: not waited for."""
    began_s, took_s = world.now_s, dict[AppId, float]()
    for app in (*too, *apps):
        unit = world.store.rows.units[app]
        document = msgspec.structs.replace(unit.intent, restarted_at_s=began_s)
        write = UnitWrite(document, unit.rev)
        await world.store.commit(builders.asked(began_s), "app.restart", "Restart", [write])
        world.wake(app)
    while len(took_s) < len(apps) and world.now_s < began_s + LIMIT_S:
        await asyncio.sleep(0.5)
        took_s |= {a: world.now_s - began_s for a in apps if a not in took_s and _settled(world, a)}
    return {app: took_s.get(app, LIMIT_S) for app in apps}


async def outsiders(world: World, luck: random.Random) -> None:
    """What an outsider did is on record at once where somebody told of it, and within a period
    where nobody did."""
    apps = _at_rest(world)
    if not apps:
        return
    app, silent = luck.choice(apps), luck.random() < 0.7
    name, act = luck.choice(_acts(world, app))
    within_s = SETTINGS.period_s + TELL_S if silent else TELL_S
    seen, began_s = _drift(world, app), world.now_s
    act(silent)
    while world.now_s <= began_s + within_s:
        await asyncio.sleep(0.25)
        if _drift(world, app) > seen:
            return
    world.watch.violated(f"{name} of {app} is not on record as drift after {within_s:.0f} s")


def _acts(world: World, app: AppId) -> list[tuple[str, Callable[[bool], None]]]:
    """`silent`: the act is told to nobody."""
    key = next(key for key in sorted(world.supervisor.slots) if key.app == app)

    def lose_set(silent: bool) -> None:
        with world.unheard(silent):
            world.supervisor.lose(key)

    def lose_route(silent: bool) -> None:
        with world.unheard(silent):
            world.edge.lose(app)

    def spoil_route(silent: bool) -> None:
        with world.unheard(silent):
            world.edge.spoil(app)

    acts = [("the end of a set", lose_set), ("the loss of the route", lose_route)]
    if any(b.target is not None for b in world.edge.routes[app].route.backends):
        acts.append(("another route", spoil_route))
    return acts


def _drift(world: World, app: AppId) -> int:
    store = world.store
    return len(drift.repairs(store.entries[id] for id in store.entries_of[app]))


def _at_rest(world: World) -> list[AppId]:
    """Apps that are settled, and stay so unless something happens."""
    units = sorted(world.store.rows.units.values(), key=lambda unit: unit.id)
    return [u.id for u in units if _serves(world, u)]


def _is_up(world: World, app: AppId) -> bool:
    """Something of each set always runs: one that was at zero takes longer the second time, since
    there is something to stop by then."""
    return all(s.order.bounds.min for key, s in world.supervisor.slots.items() if key.app == app)


def _serves(world: World, unit: Unit) -> bool:
    stirs = checks.restless(world, unit) or checks.ticking(world, unit)
    runs = any(key.app == unit.id for key in world.supervisor.slots)
    return runs and not stirs and checks.is_ready(world, unit) and _settled(world, unit.id)


def _settled(world: World, app: AppId) -> bool:
    unit = world.store.rows.units[app]
    return checks.is_ready(world, unit) and not world.progressing(unit)
