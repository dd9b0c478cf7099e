"""What next for one app? Reads top-down, one stage per line.

`plan` is pure: the same four values always give the same Plan. It is called by the loop on what
is, by `setpoint plan` on a draft, and by the simulated world some hundred thousand times.
"""

from setpoint.model.app import Unit
from setpoint.model.capability import Capabilities
from setpoint.model.observed import Observed
from setpoint.model.steps import Plan
from setpoint.planning import (
    builds,
    certificates,
    conditions,
    drift,
    egress,
    isolation,
    jobs,
    layers,
    places,
    processes,
    release_phase,
    releases,
    removal,
    routes,
    runtimes,
    scripts,
    upkeep,
)
from setpoint.planning.draft import Draft


def plan(unit: Unit, observed: Observed, capabilities: Capabilities, now_s: float) -> Plan:
    """One pass over one app. `now_s`: unix seconds. Never raises for what the world did."""
    draft = Draft(unit, observed, capabilities, now_s)
    isolation.plan_isolation(draft)
    if unit.intent.deleted:
        removal.plan_removal(draft)
        return conditions.finish(draft)
    egress.plan_egress(draft)
    places.plan_region(draft)
    places.plan_automatic_certificates(draft)
    certificates.plan_certificates(draft)
    builds.plan_build(draft)
    releases.plan_release(draft)
    layers.plan_layers(draft)
    runtimes.plan_runtimes(draft)
    release_phase.plan_release_phase(draft)
    wanted = processes.plan_processes(draft)
    routes.plan_route(draft, wanted)
    drift.plan_unmended(draft)
    processes.plan_retirement(draft, wanted)
    releases.plan_verdict(draft, wanted)
    jobs.plan_jobs(draft)
    scripts.plan_postdeploy(draft)
    isolation.hold_back(draft)
    upkeep.hold_back(draft, wanted)
    return conditions.finish(draft)
