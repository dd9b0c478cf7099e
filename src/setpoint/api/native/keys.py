"""How to call an app's functions: its key, and where the edge knows which function."""

import msgspec

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.api.native.apps import Function, functions
from setpoint.intents import keys
from setpoint.model.app import Unit
from setpoint.model.route import INVOKE_KEY_HEADER
from setpoint.views import secrets


class InvokeKey(msgspec.Struct, frozen=True):
    """Send `key` as `<header>: Bearer <key>` to `edge_port`. `at_s`: unix seconds now."""

    at_s: float
    app: str
    key: str
    header: str
    edge_port: int
    functions: tuple[Function, ...]


async def info(call: Call) -> InvokeKey:
    return await _told(call, await find.app(call, "invoke"))


async def rotate(call: Call) -> InvokeKey:
    unit = await find.app(call, "rotate the invoke key of")
    return await _told(call, await keys.rotate(call.services.door, call.asked, unit.name))


async def _told(call: Call, unit: Unit) -> InvokeKey:
    store, here = call.services.store, call.services.installation
    return InvokeKey(
        at_s=call.asked.at_s,
        app=unit.name,
        key=await secrets.invoke_key(store, call.asked.actor, unit.name),
        header=INVOKE_KEY_HEADER,
        edge_port=here.edge_port,
        functions=functions(unit.name, await store.releases(unit.id), here.host_suffix),
    )
