"""Stages 2 and 7: which release ought to run, must one be cut, and what came of it."""

from typing import NamedTuple

from setpoint.model.ids import BuildId
from setpoint.model.observed import Observed
from setpoint.model.release import Release
from setpoint.model.steps import CutRelease, SettleRelease
from setpoint.planning import builds
from setpoint.planning.draft import Draft
from setpoint.planning.processes import Wanted


def plan_release(draft: Draft) -> None:
    releases = draft.observed.releases
    newest = releases[0] if releases else None
    slug = _slug(draft, newest)
    if slug is not None:
        _cut(draft, newest, slug)
    last_word = builds.released(draft)
    if last_word is not None and last_word.status == "failed":
        draft.stall("ReleaseFailed", f"release {last_word.label} failed: {last_word.message}")
    draft.target = _target(draft.observed)


class _Slug(NamedTuple):
    """Where a new release gets its slug. `copies`: the release it is taken over from."""

    build: BuildId
    copies: int | None = None


def _target(observed: Observed) -> Release | None:
    """The newest if it may still come to serve, else the newest that ever did."""
    releases = observed.releases
    if releases and releases[0].status == "pending":
        return releases[0]
    return proven(observed)


def proven(observed: Observed) -> Release | None:
    """The newest that ever came to serve.

    A pending release that a newer one overtook was never proven: nothing falls back to it.
    """
    return next(
        (r for r in observed.releases if r.status == "succeeded" or _serves_after_all(observed, r)),
        None,
    )


def _serves_after_all(observed: Observed, release: Release) -> bool:
    """Overtaken before its verdict was told, yet requests reach it: routes only ever move to a
    release that is ready as a whole."""
    route = observed.route
    if release.status not in ("pending", "superseded") or route is None or route.nack:
        return False
    targets = {b.target for b in route.route.backends}
    return any(s.key in targets and s.release == release.version for s in observed.sets)


def _slug(draft: Draft, newest: Release | None) -> _Slug | None:
    """The slug to release when a release must be cut, else None.

    While the intended source cannot be built, config changes still release on the slug that runs.
    """
    unit, build, last_word = draft.unit, draft.build, builds.released(draft)
    if last_word is not None and not (builds.moved(draft, last_word) and _may_serve(last_word)):
        return None
    if builds.has_slug(draft):
        return _slug_of_old(draft)
    if build is None:
        return None
    if build.status == "succeeded":
        return _Slug(build.id)
    hopeless = build.status == "failed" and build.user_error and unit.intent.rollback_to is None
    if (
        hopeless
        and last_word is None
        and newest is not None
        and newest.config != unit.intent.config
    ):
        runs = _target(draft.observed) or newest
        return _Slug(runs.build, runs.version)
    return None


def _may_serve(release: Release) -> bool:
    """One that failed is not tried again for nothing but another stack."""
    return release.status != "failed"


def _slug_of_old(draft: Draft) -> _Slug | None:
    """Of the release that somebody wants back."""
    wanted = builds.gone_back_to(draft)
    if wanted is None or not wanted.slug_kept:
        version = draft.unit.intent.rollback_to
        draft.stall("SlugGone", f"the slug of v{version} is gone; deploy its source again")
        return None
    return _Slug(wanted.build, wanted.version)


def _cut(draft: Draft, newest: Release | None, slug: _Slug) -> None:
    unit, before = draft.unit, builds.released(draft)
    description = unit.shape_summary
    if before is not None:
        behind = f"{before.label} was built on {before.slug.stack}"
        description += f", built again for {draft.stack}"
    else:
        behind = "there is no release yet" if newest is None else f"{newest.label} is older"
    draft.steps.append(
        CutRelease(
            app=unit.id,
            build=slug.build,
            config=unit.intent.config,
            description=description,
            change=unit.shape_change,
            because=draft.because(
                "cut-release",
                f"c{unit.shape_change} ({unit.shape_summary}) asks for a release; {behind}",
                unit.shape_change,
            ),
            copies=slug.copies,
            commit=unit.intent.source.version if unit.intent.source is not None else "",
        )
    )


def plan_verdict(draft: Draft, wanted: tuple[Wanted, ...]) -> None:
    """A pending release becomes current when it serves, or fails when it gave up starting."""
    _settle_overtaken(draft)
    target = draft.target
    if target is None or target.status != "pending" or draft.too_low:
        return
    for want in wanted:
        if want.facts is not None and want.facts.gave_up:
            settle(draft, target, False, _told(want))
            return
    if draft.serving:
        settle(draft, target, True, "")


def _settle_overtaken(draft: Draft) -> None:
    """So that it can be fallen back to later, when the route says nothing of it any more."""
    for release in draft.observed.releases[1:]:
        if _serves_after_all(draft.observed, release):
            text = f"{release.label} serves, although a newer release had overtaken it"
            because = draft.because("serves-after-all", text, release.change)
            draft.steps.append(SettleRelease(release.app, release.version, True, "", because))


def _told(want: Wanted) -> str:
    facts = want.facts
    assert facts is not None
    hung = facts.last_exit is not None and facts.last_exit.timed_out
    how = facts.last_exit.text if facts.last_exit is not None else "never got ready"
    if hung and want.type.kind == "web":
        how = _not_ready(want)
    head = f"{want.process} {how}"
    if not hung:
        head += f" before it was ready, {facts.failures} times in a row"
    body = facts.last_probe.body.splitlines() if facts.last_probe is not None else []
    if body:
        body = ["its answer began:", *body, *(["its log ended:"] if facts.last_lines else [])]
    return "\n".join((head, *body, *facts.last_lines))


def _not_ready(want: Wanted) -> str:
    """What a web instance did instead of getting ready."""
    facts, within = want.facts, f"within {want.order.bounds.boot_s_max:g} s"
    if facts is None or facts.last_probe is None:
        return f"did not listen on $PORT {within}"
    return f"{facts.last_probe.fact}, and was not ready {within}"


def settle(draft: Draft, target: Release, succeeded: bool, message: str) -> None:
    """The verdict on a pending release, as a step."""
    rule = "release-serves" if succeeded else "release-failed"
    text = (
        f"every process of {target.label} is ready and routed"
        if succeeded
        else message.splitlines()[0]
    )
    draft.steps.append(
        SettleRelease(
            target.app,
            target.version,
            succeeded,
            message,
            draft.because(rule, text, target.change),
        )
    )
