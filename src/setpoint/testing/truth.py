"""What is true of a release in the simulated world, whatever the plane takes it for."""

from setpoint.model.app import Formation, Unit
from setpoint.model.release import Release
from setpoint.planning import release_phase
from setpoint.testing.programs import BY_DIGEST
from setpoint.testing.store import SimStore


def release_serves(store: SimStore, release: Release) -> bool:
    """Would its program come to serve with its config?"""
    environment = {k: store.secrets[r.key] for k, r in release.config.items()}
    good = BY_DIGEST[release.source].serves(environment)
    return good and phase_went_well(store, release)


def phase_went_well(store: SimStore, release: Release) -> bool:
    """It has no release phase, or that ran to a good end. A reboot may have cut it off."""
    if release.slug.process(release_phase.PROCESS) is None:
        return True
    id = release_phase.job_id(release)
    rows = store.rows.jobs.get(release.app, ())
    return any(j.id == id and j.state == "succeeded" for j in rows)


def bounds_of(unit: Unit, release: Release, process: str) -> Formation:
    """What is intended for one process of a release."""
    type_ = release.slug.process(process)
    assert type_ is not None
    return unit.intent.formation_of(process, type_.kind)
