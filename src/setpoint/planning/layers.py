"""Stage 3: is what the release runs on still what was laid? What outsiders altered is laid again,
by a build of its own source; the release stays the one it is.
"""

import hashlib

from setpoint.model.ids import BuildId
from setpoint.model.layer import Altered
from setpoint.model.release import BuildRequest, Release
from setpoint.model.steps import StartBuild
from setpoint.planning import builds
from setpoint.planning.draft import Draft

RULE = "lay-again"
REASON = "FilesAltered"


def plan_layers(draft: Draft) -> None:
    """What was built on another stack is built anew anyhow."""
    target = draft.target
    if target is None or not (found := altered(draft, target)) or builds.moved(draft, target):
        return
    wanted = mending_id(target, found)
    draft.laying = True
    build = next((b for b in draft.observed.builds if b.id == wanted), None)
    if build is not None and (left_s := builds.pause_left_s(build, draft.now_s)) > 0:
        fact = build.message.partition("\n")[0]
        draft.wait(
            "files", f"{_told(target, found)}; laying that again was cut off: {fact}", left_s
        )
    elif build is None or build.cut_off:
        _start(draft, target, found, wanted)
    elif not build.final:
        draft.wait("files", f"{_told(target, found)}, and is being laid again")
    elif build.status == "failed":
        draft.laying = False
        _stall(draft, f"{_told(target, found)}, and laying it again failed\n{build.message}")
    else:
        draft.laying = False
        fact = "its source comes to something else by now; deploy it again"
        _stall(draft, f"{_told(target, found)}, and cannot be laid again: {fact}")


def _stall(draft: Draft, message: str) -> None:
    """While another release is on its way, that is the help."""
    if builds.released(draft) is not None:
        draft.stall(REASON, message)


def altered(draft: Draft, release: Release) -> tuple[Altered, ...]:
    layers = {release.slug.code, *release.slug.layers}
    return tuple(sorted((a for a in draft.observed.altered if a.layer in layers), key=_order))


def _order(found: Altered) -> str:
    return found.layer


def mending_id(release: Release, found: tuple[Altered, ...]) -> BuildId:
    """One build for what was noticed; what is altered after that is another's."""
    noticed = (f"{a.layer} {a.noticed_at_s}" for a in found)
    key = "\0".join(("lay again", release.app, release.build, *noticed))
    return BuildId(hashlib.sha256(key.encode()).hexdigest()[:32])


def _told(release: Release, found: tuple[Altered, ...]) -> str:
    """Without a subject to agree with: `what v3 runs on was altered by an outsider (...)`"""
    files = "; ".join(a.text for a in found)
    return f"what {release.label} runs on was altered by an outsider ({files})"


def _start(draft: Draft, release: Release, found: tuple[Altered, ...], wanted: BuildId) -> None:
    unit = draft.unit
    request = BuildRequest(
        wanted,
        unit.id,
        unit.name,
        release.source,
        draft.stack,
        unit.intent.buildpacks,
        unit.intent.cache_since_s,
    )
    because = draft.because(RULE, _told(release, found), release.change)
    draft.steps.append(StartBuild(request, because, unit.intent.config))
