"""What a web process is asked before it counts as ready."""

import msgspec

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.intents import probes
from setpoint.model.app import DEFAULT_PROBE, Unit
from setpoint.policy.probes import check_probed


class ProbeChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out stays as it is. `default`: forget what was said before."""

    path: str | None = None
    timeout_s: float | None = None
    status_below: int | None = None
    once: bool | None = None
    default: bool = False


class ProbeShown(msgspec.Struct, frozen=True):
    """`path` '': it listens, and no more is asked. `once`: only until a release has proven itself.
    `default`: nobody said otherwise."""

    process: str
    path: str
    timeout_s: float
    status_below: int
    once: bool
    default: bool


async def info(call: Call) -> ProbeShown:
    unit, process = await find.app(call), call.param("process")
    releases = await call.services.store.releases(unit.id, 1)
    check_probed(unit.name, process, releases[0].slug if releases else None)
    return shown(unit, process)


async def patch(call: Call, body: ProbeChange) -> ProbeShown:
    unit = await find.app(call, probes.VERB)
    update = probes.ProbeUpdate(**msgspec.structs.asdict(body))
    process = call.param("process")
    unit = await probes.set_probe(call.services.door, call.asked, unit.name, process, update)
    return shown(unit, process)


def shown(unit: Unit, process: str) -> ProbeShown:
    probe = unit.intent.probes.get(process, DEFAULT_PROBE)
    told = msgspec.structs.asdict(probe)
    return ProbeShown(process=process, **told, default=probe == DEFAULT_PROBE)
