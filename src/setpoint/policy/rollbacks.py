"""What may be gone back to, and with which config."""

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from setpoint.model.app import SecretRef, Unit
from setpoint.model.errors import Conflict, Invalid, NotFound, Refused
from setpoint.model.release import Release, ReleaseStatus
from setpoint.policy.names import shortened

_VERSION_RE = re.compile(r"v?(\d{1,9})")

_NEVER_SERVED: dict[ReleaseStatus, str] = {
    "failed": "failed, so it never served",
    "pending": "has not served yet",
    "superseded": "was overtaken by a newer release before it served",
}


def target(unit: Unit, releases: Sequence[Release], wanted: str) -> Release:
    """The release to go back to. `releases` newest first; `wanted`: 'v3', '3', or '' for the
    newest that served before what is intended now. Raises Invalid, NotFound, Conflict."""
    found = _named(unit, releases, wanted) if wanted else _before(unit, releases)
    if found.status != "succeeded":
        raise _refused(unit, f"{found.label} {_NEVER_SERVED[found.status]}")
    if not found.slug_kept:
        raise Invalid(
            f"cannot roll back '{unit.name}': the slug of {found.label} is gone",
            f"deploy its source again: setpoint deploy DIR -a {unit.name}",
        )
    _refuse_what_runs(unit, releases, found)
    return found


def restored_config(
    now: Mapping[str, SecretRef],
    then: Mapping[str, SecretRef],
    provided: AbstractSet[str] = frozenset(),
) -> dict[str, SecretRef]:
    """The config of an earlier release, but for keys that add-ons provide: those stay as they are
    now. An old release must not bring back a credential that was rotated or an add-on that is gone;
    nor may going back take away what an add-on gave since."""
    kept = {key: ref for key, ref in now.items() if key in provided}
    return {key: ref for key, ref in then.items() if key not in provided} | kept


def _named(unit: Unit, releases: Sequence[Release], wanted: str) -> Release:
    match = _VERSION_RE.fullmatch(wanted)
    version = int(match[1]) if match is not None else 0
    for release in releases:
        if release.version == version:
            return release
    raise NotFound(
        f"cannot roll back '{unit.name}': it has no release '{shortened(wanted)}'",
        f"`setpoint releases {unit.name}` lists those there are",
    )


def _before(unit: Unit, releases: Sequence[Release]) -> Release:
    """After a deploy that failed this is the one that still serves."""
    for release in releases:
        if release.status == "succeeded" and release.change != unit.shape_change:
            return release
    since = f"before {releases[0].label}" if releases else "yet"
    raise _refused(unit, f"no release has served {since}")


def _refuse_what_runs(unit: Unit, releases: Sequence[Release], found: Release) -> None:
    """Also where it runs under another number, being what was gone back to last."""
    newest = releases[0]
    if newest.change != unit.shape_change or newest.status not in ("pending", "succeeded"):
        return
    again = unit.intent.rollback_to == found.version and newest.config == found.config
    if newest.version == found.version:
        raise Conflict(f"cannot roll back '{unit.name}': {found.label} is what runs")
    if again:
        runs = "runs" if newest.status == "succeeded" else "is on its way"
        raise Conflict(
            f"cannot roll back '{unit.name}': {found.label} {runs} already, as {newest.label}"
        )


def _refused(unit: Unit, fact: str) -> Refused:
    return Invalid(
        f"cannot roll back '{unit.name}': {fact}",
        f"`setpoint releases {unit.name}` lists what there is",
    )
