"""Whom the processes of an app may connect to."""

import msgspec

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.intents import egress
from setpoint.model.app import Unit
from setpoint.model.egress import Egress, EgressOffer, words


class EgressChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`egress`: ["internet"], ["internet", "10.0.3.0/24"], ["10.0.3.7"] or ["none"]; [] is as if
    nothing had been said."""

    egress: Egress


class EgressShown(msgspec.Struct, frozen=True):
    """`default`: nobody said anything. `offered`: 'public' (what is asked for can be had), 'none',
    or 'machine' (the machine's whole network)."""

    egress: str
    default: bool
    offered: EgressOffer


async def info(call: Call) -> EgressShown:
    return shown(call, await find.app(call))


async def put(call: Call, body: EgressChange) -> EgressShown:
    unit = await find.app(call, egress.VERB)
    return shown(
        call, await egress.set_egress(call.services.door, call.asked, unit.name, body.egress)
    )


def shown(call: Call, unit: Unit) -> EgressShown:
    said = unit.intent.egress
    return EgressShown(words(said), not said, call.services.capabilities().egress)
