"""An app begins from a source: by itself, or as the review app of a branch."""

from collections.abc import Sequence

from setpoint.intents import apps, deploys, setups
from setpoint.intents.door import Door
from setpoint.intents.setups import Begins
from setpoint.model.app import Unit
from setpoint.model.change import Asked
from setpoint.model.ids import Digest
from setpoint.model.pipeline import REVIEW, Coupling, Pipeline
from setpoint.policy import pipelines


async def begin(
    door: Door,
    asked: Asked,
    name: str | None,
    digest: Digest,
    version: str,
    begins: Begins,
    coupling: Coupling | None = None,
) -> Unit:
    """All of it is checked before there is an app. Two Changes: a daemon that dies between them
    leaves an app without a release, in its pipeline, as it is after `create`."""
    setups.check(name or "an app", begins)
    unit = await apps.create(door, asked, name, coupling)
    return await deploys.deploy(door, asked, unit.name, digest, version, begins)


async def review(
    door: Door,
    asked: Asked,
    name: str,
    digest: Digest,
    version: str,
    begins: Begins,
    pipeline: Pipeline,
    members: Sequence[Unit],
) -> Unit:
    """`begins` names the branch; `members`: the apps of the pipeline."""
    pipelines.check_branch(begins.branch)
    pipelines.admit_to_add(asked.actor, pipeline, members, f"a review app of {begins.branch[:40]}")
    coupling = Coupling(pipeline.id, REVIEW)
    return await begin(door, asked, name, digest, version, begins, coupling)
