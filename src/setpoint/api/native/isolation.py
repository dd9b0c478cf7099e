"""The lowest level of isolation at which anything of an app may run."""

import msgspec

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.intents import wishes
from setpoint.model.app import Unit
from setpoint.model.level import Level


class IsolationChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`level_min`: 'L3', 'L2' or 'L0'; '': whatever there is will do."""

    level_min: str


class IsolationShown(msgspec.Struct, frozen=True):
    """`level_min` None: nobody said anything. `offered`: what this machine has."""

    level_min: Level | None
    offered: Level


async def info(call: Call) -> IsolationShown:
    return shown(call, await find.app(call))


async def put(call: Call, body: IsolationChange) -> IsolationShown:
    unit = await find.app(call, wishes.LEVEL)
    door, asked = call.services.door, call.asked
    return shown(call, await wishes.set_level(door, asked, unit.name, body.level_min))


def shown(call: Call, unit: Unit) -> IsolationShown:
    return IsolationShown(unit.intent.isolation_level_min, call.services.capabilities().level)
