"""Who may see and alter a pipeline, what it may be called, and what can be promoted where."""

import re
from collections.abc import Sequence

from setpoint.model.account import ROLES
from setpoint.model.app import Unit
from setpoint.model.change import Actor
from setpoint.model.errors import Conflict, Forbidden, Invalid, NotFound
from setpoint.model.pipeline import DOWNSTREAM, STAGES, Pipeline, Stage
from setpoint.model.release import Release
from setpoint.policy import access
from setpoint.policy.names import shortened

BRANCH_CHARS_MAX = 200
NAME_RE = re.compile(r"[a-z][a-z0-9-]{2,29}")
RULE = (
    "pipeline names have 3 to 30 characters, start with a letter, and hold only lower-case "
    "letters, digits and hyphens"
)
TARGETS_MAX = 50


def check_name(name: str, failing: str) -> None:
    if NAME_RE.fullmatch(name) is None:
        raise Invalid(f"{failing}: '{shortened(name)}' is no name for a pipeline", RULE)


def stage(said: str, failing: str) -> Stage:
    found: Stage | None = next((known for known in STAGES if known == said), None)
    if found is None:
        raise Invalid(
            f"{failing}: '{shortened(said)}' is no stage", f"stages are: {', '.join(STAGES)}"
        )
    return found


def members(pipeline: Pipeline, units: Sequence[Unit]) -> tuple[Unit, ...]:
    """The apps that are in it."""
    return tuple(
        unit
        for unit in units
        if unit.intent.pipeline is not None
        and unit.intent.pipeline.id == pipeline.id
        and not unit.intent.deleted
    )


def sees(actor: Actor, pipeline: Pipeline, apps: Sequence[Unit]) -> bool:
    """Whose it is, administrators, and whoever may know of an app in it."""
    return _owns(actor, pipeline) or any(access.sees(actor, unit) for unit in apps)


def admit_to_alter(actor: Actor, pipeline: Pipeline, verb: str) -> None:
    """Its name, its owner and its end are its owner's. Raises Forbidden."""
    if not _owns(actor, pipeline):
        raise Forbidden(
            f"cannot {verb} '{pipeline.name}': it is {pipeline.owner}'s",
            "its owner or an administrator can",
        )


def check_branch(said: str) -> None:
    """Of a review app."""
    if not 0 < len(said) <= BRANCH_CHARS_MAX or not said.isprintable():
        raise Invalid(f"cannot create a review app: '{shortened(said)}' is no branch")


def admit_to_add(actor: Actor, pipeline: Pipeline, apps: Sequence[Unit], app: str) -> None:
    """Whoever may operate something in it may add something to it. Raises Forbidden."""
    if not _owns(actor, pipeline) and not any(_operates(actor, unit) for unit in apps):
        raise Forbidden(
            f"cannot add to a pipeline '{app}': {actor.name} may operate no app of "
            f"'{pipeline.name}'",
            f"its owner is {pipeline.owner}",
        )


def _owns(actor: Actor, pipeline: Pipeline) -> bool:
    return actor.reach == "all" or (bool(actor.email) and actor.email == pipeline.owner)


def _operates(actor: Actor, unit: Unit) -> bool:
    role = access.role_on(actor, unit)
    return role is not None and ROLES.index(role) >= ROLES.index("operate")


def no_such(wanted: str, verb: str = "see the pipeline") -> NotFound:
    """One wording for absent, destroyed and hidden."""
    return NotFound(f"cannot {verb} '{shortened(wanted)}': no such pipeline")


# --- promotions ----------------------------------------------------------------------------------


def release(
    unit: Unit, releases: Sequence[Release], stack: str, version: int | None = None
) -> Release:
    """The one to promote: what serves, or has served as `version`. `releases`: newest first;
    `stack`: this machine's. Raises Invalid, Conflict."""
    served = [r for r in releases if r.status == "succeeded"]
    found = next((r for r in served if version in (None, r.version)), None)
    if found is None and version is not None:
        raise Invalid(f"cannot promote '{unit.name}': v{version} has never served")
    if found is None:
        raise Invalid(
            f"cannot promote '{unit.name}': no release of it has served yet",
            f"deploy to it first: setpoint deploy DIR -a {unit.name}",
        )
    if not found.slug_kept:
        raise Conflict(f"cannot promote '{unit.name}': the slug of {found.label} is kept no longer")
    if found.slug.stack != stack:
        raise Conflict(
            f"cannot promote '{unit.name}': {found.label} was built on another stack, "
            "and is being built again",
            f"wait until `setpoint status {unit.name}` says it is settled",
        )
    return found


def targets(unit: Unit, apps: Sequence[Unit], wanted: Sequence[str]) -> tuple[Unit, ...]:
    """`apps`: of its pipeline that the actor may know of. `wanted`: by id or name; none: all of the
    next stage. Each once. Raises Invalid, NotFound."""
    failing = f"cannot promote '{unit.name}'"
    if len(wanted) > TARGETS_MAX:
        raise Invalid(f"{failing}: {len(wanted)} targets, at most {TARGETS_MAX} are allowed")
    found = tuple(_target(failing, apps, name) for name in dict.fromkeys(wanted))
    found = tuple({u.id: u for u in found or _downstream(failing, unit, apps)}.values())
    if any(target.id == unit.id for target in found):
        raise Invalid(f"{failing}: it cannot be promoted to itself")
    return found


def _target(failing: str, apps: Sequence[Unit], wanted: str) -> Unit:
    found = next((u for u in apps if wanted in (u.id, u.name)), None)
    if found is None:
        raise NotFound(f"{failing}: there is no app '{shortened(wanted)}' in its pipeline")
    return found


def _downstream(failing: str, unit: Unit, apps: Sequence[Unit]) -> tuple[Unit, ...]:
    coupling = unit.intent.pipeline
    assert coupling is not None
    to = DOWNSTREAM.get(coupling.stage)
    if to is None:
        raise Invalid(
            f"{failing}: nothing comes after the stage '{coupling.stage}'", "say to which"
        )
    found = tuple(
        u for u in apps if u.intent.pipeline is not None and u.intent.pipeline.stage == to
    )
    if not found:
        raise Invalid(f"{failing}: no app is at the stage '{to}'", "add one to the pipeline")
    return found
