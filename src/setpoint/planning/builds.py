"""Stage 1: does the intended source have a build? A user's failed build is not tried again.

What was gone back to has its slug: nothing is built for it.
"""

import hashlib

from setpoint.model.app import Unit
from setpoint.model.ids import BuildId
from setpoint.model.release import Build, BuildRequest
from setpoint.model.steps import StartBuild
from setpoint.planning.draft import Draft

BUILDER_VERSION = "1"
"""Part of every build's key: raise it when the same source must be built anew."""

RETRY_S = 5.0
"""After a build that failed through no fault of its source's."""


def build_id(unit: Unit, stack: str) -> BuildId:
    """Derived from (app, source, stack, builder), so asking twice is one build.

    A new deploy of the same source after a failure is a new Change, and so a new key.
    """
    source = unit.intent.source
    assert source is not None
    key = "\0".join((unit.id, source.digest, stack, BUILDER_VERSION, str(unit.source_change)))
    return BuildId(hashlib.sha256(key.encode()).hexdigest()[:32])


def plan_build(draft: Draft) -> None:
    source = draft.unit.intent.source
    if source is None or draft.unit.intent.rollback_to is not None:
        return
    wanted = build_id(draft.unit, draft.capabilities.stack)
    draft.build = next((b for b in draft.observed.builds if b.id == wanted), None)
    if draft.build is not None and (left_s := _pause_left_s(draft.build, draft.now_s)) > 0:
        draft.wait("retry", _told_again(source.digest[:8], draft.build), left_s)
    elif draft.build is None or draft.build.cut_off:
        _start(draft, wanted, retry=draft.build is not None)
    elif draft.build.status in ("pending", "running"):
        draft.wait("build", f"source {source.digest[:8]} is being built")
    elif draft.build.status == "failed":
        draft.stall("BuildFailed", draft.build.message)


def _told_again(source: str, build: Build) -> str:
    """Whoever waits for the deploy should know that it is not their source's fault."""
    fact = build.message.partition("\n")[0]
    return f"the build of source {source} was cut off, and is tried again: {fact}"


def _pause_left_s(build: Build, now_s: float) -> float:
    """What is the machine's fault may last; trying again at once would only keep it busy."""
    if not build.cut_off or build.ended_at_s is None:
        return 0.0
    return min(RETRY_S, build.ended_at_s + RETRY_S - now_s)


def _start(draft: Draft, wanted: BuildId, *, retry: bool) -> None:
    unit, source = draft.unit, draft.unit.intent.source
    assert source is not None
    text = (
        f"the last build of source {source.digest[:8]} was cut off through no fault of its own"
        if retry
        else f"source {source.digest[:8]} was deployed and is not built yet"
    )
    request = BuildRequest(
        wanted,
        unit.id,
        unit.name,
        source.digest,
        draft.capabilities.stack,
        unit.intent.buildpacks,
        unit.intent.cache_since_s,
    )
    because = draft.because("build-source", text, unit.source_change)
    draft.steps.append(StartBuild(request, because, unit.intent.config))
