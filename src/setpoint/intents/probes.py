"""What a web process is asked before it counts as ready."""

import msgspec

from setpoint.intents.door import Door, app_to, change
from setpoint.model.app import DEFAULT_PROBE, HEALTHY_BELOW, Probe, Unit
from setpoint.model.change import Asked
from setpoint.policy import probes

VERB = "set the probe of"


class ProbeUpdate(msgspec.Struct, frozen=True):
    """What is None stays as it is; a first page of one's own is judged as a health page.

    `default`: forget what was said before, and start from that.
    """

    path: str | None = None
    timeout_s: float | None = None
    status_below: int | None = None
    once: bool | None = None
    default: bool = False


async def set_probe(door: Door, asked: Asked, name: str, process: str, update: ProbeUpdate) -> Unit:
    """It counts for instances that are still starting too. What is so already is no Change."""
    unit = await app_to(door, asked, VERB, name)
    releases = await door.store.releases(unit.id, 1)
    probes.check_probed(unit.name, process, releases[0].slug if releases else None)
    before = unit.intent.probes.get(process, DEFAULT_PROBE)
    after = updated(before, update)
    probes.check_probe(unit.name, after)
    if after == before:
        return unit
    kept = {p: probe for p, probe in unit.intent.probes.items() if p != process}
    said = {} if after == DEFAULT_PROBE else {process: after}
    intent = msgspec.structs.replace(unit.intent, probes={**kept, **said})
    return await change(door, asked, VERB, summary(process, after), unit, intent)


def updated(before: Probe, update: ProbeUpdate) -> Probe:
    """What it is asked then; unchecked."""
    said = {
        field: value
        for field in Probe.__struct_fields__
        if (value := getattr(update, field)) is not None
    }
    base = DEFAULT_PROBE if update.default else before
    if base == DEFAULT_PROBE and update.path not in (None, "", base.path):
        base = msgspec.structs.replace(base, status_below=HEALTHY_BELOW)
    return msgspec.structs.replace(base, **said)


def summary(process: str, probe: Probe) -> str:
    """'Probe web: GET /health below 400 within 2 s'."""
    if not probe.path:
        return f"Probe {process}: listening is enough"
    when = "" if probe.once else ", at every start"
    path = probe.path if len(probe.path) <= 80 else f"{probe.path[:80]}..."
    return (
        f"Probe {process}: GET {path} below {probe.status_below} within {probe.timeout_s:g} s{when}"
    )
