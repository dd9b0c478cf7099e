"""What a file declares: planned, applied, and written from what is."""

import msgspec

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.intents import declared as intents
from setpoint.intents.declared import FilePlan
from setpoint.intents.declared_app import AppPlan
from setpoint.model.answer import PlannedStep
from setpoint.model.change import Touch
from setpoint.model.declared import Declared
from setpoint.model.paths import flatten
from setpoint.planning import foretold
from setpoint.views import declared as views
from setpoint.views import plans


class AppTold(msgspec.Struct, frozen=True):
    """One app of a file. `new`: it is created. `alone`: what is set, that the file does not name,
    and that stays. `steps`, `ends`: as of a plan; of a new app nothing runs before a deploy."""

    name: str
    new: bool
    touches: tuple[Touch, ...]
    alone: tuple[str, ...]
    steps: tuple[PlannedStep, ...] = ()
    ends: tuple[str, ...] = ()


class FileTold(msgspec.Struct, frozen=True):
    """`plan`: names it; applying says it back, and is refused once anything differs.
    `decisions`: titles of those that are not there yet."""

    plan: str
    apps: tuple[AppTold, ...]
    decisions: tuple[str, ...]


class AppliedTold(msgspec.Struct, frozen=True):
    """`change`: seq of the one Change, 0 where all was so already. `decisions`: labels of those
    that were recorded. `failed`: what did not come to be after the Change stood, or ''."""

    told: FileTold
    change: int
    decisions: tuple[str, ...]
    failed: str = ""


class ApplyWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`plan`: the one that was looked at; '' applies whatever the file comes to now."""

    file: Declared
    plan: str = ""


async def plan(call: Call, body: Declared) -> FileTold:
    made = await intents.planned(call.services.door, call.asked, body)
    return _told(made, [await _app(call, app) for app in made.apps])


async def apply(call: Call, body: ApplyWish) -> AppliedTold:
    done = await intents.apply(call.services.door, call.asked, body.file, body.plan)
    told = _told(done.plan, [_bare(app) for app in done.plan.apps])
    labels = tuple(f"d-{number}" for number in done.decisions)
    return AppliedTold(told, done.change, labels, done.failed)


async def export(call: Call) -> Declared:
    unit = await find.app(call)
    return await views.declared(call.services.store, call.asked.actor, unit.name, call.asked.at_s)


def _told(made: FilePlan, apps: list[AppTold]) -> FileTold:
    titles = tuple(said.why.partition("\n")[0] for said, _ in made.decisions)
    return FileTold(made.token, tuple(apps), titles)


def _bare(app: AppPlan) -> AppTold:
    return AppTold(app.name, app.unit is None, app.touches, app.alone)


async def _app(call: Call, app: AppPlan) -> AppTold:
    told = _bare(app)
    if app.unit is None or flatten(app.unit.intent) == flatten(app.intent):
        return told
    services = call.services
    draft = await plans.of_document(
        services.store, app.unit, app.intent, services.capabilities(), call.asked.at_s
    )
    return msgspec.structs.replace(
        told, steps=foretold.steps(draft.passes), ends=foretold.ends(draft.passes)
    )
