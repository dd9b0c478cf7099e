"""Stage 1: does the intended source have a build? A user's failed build is not tried again.

What was gone back to has its slug: nothing is built for it. Whatever was built on a stack that
this machine no longer is, is built again.
"""

import hashlib

from setpoint.model.app import Unit
from setpoint.model.ids import BuildId
from setpoint.model.release import Build, BuildRequest, Release
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
    if source is None or has_slug(draft):
        return
    wanted = build_id(draft.unit, draft.stack)
    draft.build = next((b for b in draft.observed.builds if b.id == wanted), None)
    if draft.build is not None and (left_s := pause_left_s(draft.build, draft.now_s)) > 0:
        draft.wait("retry", _told_again(source.digest[:8], draft.build), left_s)
    elif draft.build is None or draft.build.cut_off:
        if not _has_failed(draft):
            _start(draft, wanted, retry=draft.build is not None)
    elif draft.build.status in ("pending", "running"):
        draft.wait("build", f"source {source.digest[:8]} is being built")
    elif draft.build.status == "failed":
        _stall(draft, draft.build)


def released(draft: Draft) -> Release | None:
    """The newest release, if nothing was asked since that could lead to another."""
    newest = next(iter(draft.observed.releases), None)
    return newest if newest is not None and newest.change >= draft.unit.shape_change else None


def gone_back_to(draft: Draft) -> Release | None:
    """The release that somebody wants back."""
    wanted = draft.unit.intent.rollback_to
    return next((r for r in draft.observed.releases if r.version == wanted), None)


def moved(draft: Draft, release: Release) -> bool:
    """Was it built on a stack that this machine no longer is?"""
    return release.slug.stack != draft.stack


def has_slug(draft: Draft) -> bool:
    """Is there nothing to be built, since somebody went back to something that was? What is no
    longer kept is not built either: a human has to deploy it again."""
    if draft.unit.intent.rollback_to is None:
        return False
    found = released(draft) or gone_back_to(draft)
    return found is None or not found.slug_kept or not moved(draft, found)


def _on_another_stack(draft: Draft) -> Release | None:
    """The release of this very source that a build would replace."""
    source, found = draft.unit.intent.source, released(draft) or gone_back_to(draft)
    if found is None or source is None or found.source != source.digest:
        return None
    return found if moved(draft, found) else None


def _has_failed(draft: Draft) -> bool:
    """It was built and did not come to serve: another stack is no reason to try that again."""
    before = _on_another_stack(draft)
    return before is not None and before.status == "failed"


def _stall(draft: Draft, build: Build) -> None:
    before = _on_another_stack(draft)
    if before is None:
        draft.stall("BuildFailed", build.message)
    else:
        text = f"{_why_again(draft, before)}, and building its source again failed"
        draft.stall("StackGone", f"{text}\n{build.message}")


def _why_again(draft: Draft, before: Release) -> str:
    return f"{before.label} was built on {before.slug.stack}; this is {draft.stack}"


def _told_again(source: str, build: Build) -> str:
    """Whoever waits for the deploy should know that it is not their source's fault."""
    fact = build.message.partition("\n")[0]
    return f"the build of source {source} was cut off, and is tried again: {fact}"


def pause_left_s(build: Build, now_s: float) -> float:
    """What is the machine's fault may last; trying again at once would only keep it busy."""
    if not build.cut_off or build.ended_at_s is None:
        return 0.0
    return min(RETRY_S, build.ended_at_s + RETRY_S - now_s)


def _start(draft: Draft, wanted: BuildId, *, retry: bool) -> None:
    unit, source = draft.unit, draft.unit.intent.source
    assert source is not None
    before = _on_another_stack(draft)
    if retry:
        text = (
            f"the last build of source {source.digest[:8]} was cut off through no fault of its own"
        )
    elif before is not None:
        text = _why_again(draft, before)
    else:
        text = f"source {source.digest[:8]} was deployed and is not built yet"
    request = BuildRequest(
        wanted,
        unit.id,
        unit.name,
        source.digest,
        draft.stack,
        unit.intent.buildpacks,
        unit.intent.cache_since_s,
    )
    because = draft.because("build-source", text, unit.source_change)
    draft.steps.append(StartBuild(request, because, unit.intent.config))
