"""Stages 4 and 6: which sets ought to run within which bounds, and which may go."""

import hashlib
from dataclasses import dataclass

import msgspec

from setpoint.model.app import Formation, SecretRef, Upkeep
from setpoint.model.change import Because
from setpoint.model.egress import INTERNET
from setpoint.model.ids import Digest, SetKey
from setpoint.model.process import Bounds, ProcessSpec, SetFacts, SetOrder
from setpoint.model.release import ProcessType, Release
from setpoint.model.steps import EnsureProcesses, RemoveProcesses
from setpoint.planning import granting
from setpoint.planning.draft import Draft

ATTEMPTS_MAX = 3
"""Starts a new release gets to become ready once, before the old one is kept for good."""


UPKEEP_RULE = "upkeep"
"""of the step that tells a set whether it is frozen"""

OFFER_RULE = "offer"
"""of the step that follows what the machine offers, which no Change did"""

CRASHES_TOLD = 3
"""In a row; from here on it is said that only a human can help, though restarts go on."""


@dataclass(frozen=True)
class Wanted:
    """One set that ought to run, beside what is seen of it."""

    order: SetOrder
    type: ProcessType
    facts: SetFacts | None

    @property
    def process(self) -> str:
        return self.order.spec.process

    @property
    def ready(self) -> bool:
        """It has proven that it can start, and as many as always should are up."""
        facts = self.facts
        return facts is not None and facts.ever_ready and len(facts.ready) >= self.order.bounds.min


def environment_digest(config: dict[str, SecretRef]) -> Digest:
    """Over keys, ids and versions: it changes when a value does and reveals none."""
    text = "\0".join(f"{key}={ref}" for key, ref in sorted(config.items()))
    return Digest(hashlib.sha256(text.encode()).hexdigest())


def spec_hash(spec: ProcessSpec) -> Digest:
    return Digest(hashlib.sha256(msgspec.json.encode(spec)).hexdigest())


def plan_processes(draft: Draft) -> tuple[Wanted, ...]:
    target = draft.target
    if target is None or draft.too_low:
        return ()
    wanted = tuple(w for t in target.slug.processes if (w := _wanted(draft, target, t)) is not None)
    for want in wanted:
        _ensure(draft, target, want)
    return wanted


def _wanted(draft: Draft, target: Release, type_: ProcessType) -> Wanted | None:
    if type_.kind == "release":
        return None
    formation = draft.unit.intent.formation_of(type_.name, type_.kind)
    bounds = granting.grant(draft, type_.name, formation)
    if bounds.max == 0:
        return None
    spec = spec_of(draft, target, type_, formation)
    key = SetKey(draft.unit.id, type_.name, spec_hash(spec))
    order = SetOrder(
        key=key,
        app_name=draft.unit.name,
        spec=spec,
        bounds=bounds,
        fence=draft.unit.fence,
        attempts_max=ATTEMPTS_MAX if target.status == "pending" else 0,
        probe=draft.unit.intent.probe_of(type_.name, type_.kind),
        egress=draft.unit.intent.egress or INTERNET,
        upkeep=Upkeep(draft.upkeep.mode) if draft.upkeep is not None else None,
        level_min=draft.unit.intent.isolation_level_min,
    )
    facts = next((s for s in draft.observed.sets if s.key == key), None)
    return Wanted(order, type_, facts)


def spec_of(draft: Draft, target: Release, type_: ProcessType, formation: Formation) -> ProcessSpec:
    size = granting.size_of(formation)
    return ProcessSpec(
        process=type_.name,
        kind=type_.kind,
        release=target.version,
        code=target.slug.code,
        layer=type_.layer,
        python=target.slug.python,
        folder=type_.folder,
        command=type_.command,
        runtime=type_.runtime,
        environment=environment_digest(target.config),
        size=size.name,
        memory_bytes_max=size.memory_bytes_max,
        pids_max=size.pids_max,
        cpu_weight=size.cpu_weight,
        restarted_at_s=draft.unit.intent.restarted_s(type_.name),
        concurrency=formation.concurrency if type_.kind == "function" else 0,
    )


def _ensure(draft: Draft, target: Release, want: Wanted) -> None:
    facts, bounds = want.facts, want.order.bounds
    if _lays_first(draft, want):
        draft.wait(want.process, f"{want.process} of {target.label} starts on what is laid again")
        return
    if facts is None or not _heeds(facts, want.order):
        draft.steps.append(
            EnsureProcesses(want.order, target.config, _why_ensure(draft, target, want))
        )
    if not want.ready and not (facts is not None and facts.gave_up):
        draft.wait(want.process, _why_wait(target, want))
    elif facts is not None and _runs_outdated(draft, facts):
        draft.wait(want.process, f"{want.process} is moving to files that were laid again")
    elif facts is not None and len(facts.live) > bounds.max:
        up = len(facts.live)
        draft.wait(want.process, f"{up} {want.process} instances are up, {bounds} intended")
    if facts is not None and _crashes_on(want, facts):
        how = facts.last_exit.text if facts.last_exit is not None else "crashes"
        draft.stall(
            "Crashing", f"{want.process} {how}, {facts.crashes} times in a row; see its logs"
        )


def _lays_first(draft: Draft, want: Wanted) -> bool:
    """Nothing takes over on files that are known to be altered, while they can be laid again. What
    has nothing to take over from had better run."""
    begins = want.facts is None or want.facts.retiring
    before = any(s.key.process == want.process and not s.retiring for s in draft.observed.sets)
    waits = draft.laying and begins and before
    draft.lays_first |= waits
    return waits


def _runs_outdated(draft: Draft, facts: SetFacts) -> bool:
    """Its standing order replaces those, unless it is to leave them alone."""
    return draft.upkeep is None and any(i.outdated for i in facts.live)


def _crashes_on(want: Wanted, facts: SetFacts) -> bool:
    """Of a set that was never ready, its release's verdict tells, with what it wrote."""
    judged = want.order.attempts_max > 0 and not facts.ever_ready
    return facts.crashes >= CRASHES_TOLD and not want.ready and not judged


def _why_wait(target: Release, want: Wanted) -> str:
    facts, process = want.facts, want.process
    if facts is not None and facts.last_probe is not None:
        return f"{process} of {target.label} {facts.last_probe.fact}; it is asked again"
    have = len(facts.ready) if facts is not None else 0
    text = (
        f"{have} of {max(want.order.bounds.min, 1)} {process} instances of {target.label} are ready"
    )
    if facts is not None and facts.hindered:
        return f"{text}; this machine cannot start one now: {facts.hindered}"
    if facts is not None and facts.lost and want.order.upkeep is not None:
        return f"{text}, for an outsider ended {facts.lost}"
    return text


def _heeds(facts: SetFacts, order: SetOrder) -> bool:
    """Does the set already stand under this order? Also with this fence: a set that has not heard
    of a newer generation would still obey a delayed command of an older one."""
    gave_up = facts.gave_up and order.attempts_max == 0
    return (
        not facts.retiring
        and facts.bounds == order.bounds
        and facts.fence == order.fence
        and facts.upkeep == order.upkeep
        and not gave_up
    )


def _why_ensure(draft: Draft, target: Release, want: Wanted) -> Because:
    process, bounds, facts = want.process, want.order.bounds, want.facts
    if facts is not None and not facts.retiring:
        return _why_renew(draft, facts, want)
    siblings = [s for s in draft.observed.sets if s.key.process == process and not s.retiring]
    if any(s.release == target.version for s in siblings):
        return draft.because("replace", f"{process} of {target.label} is to start afresh")
    if siblings:
        old = max(s.release for s in siblings)
        text = f"{target.label} is to take over {process} from v{old}"
        return draft.because("roll-out", text, target.change)
    if draft.was_so:
        whole = f"{process} of {target.label}"
        drift = f"{whole} should run and is not there"
        return draft.again(f"{whole} is started", "missing", drift)
    change = target.change if target.status == "pending" else None
    return draft.because("start", f"{target.label} wants {bounds} {process}", change)


def _why_renew(draft: Draft, facts: SetFacts, want: Wanted) -> Because:
    process, bounds = want.process, want.order.bounds
    if facts.upkeep != want.order.upkeep:
        return draft.because(UPKEEP_RULE, _why_upkeep(process, want.order.upkeep))
    if str(facts.bounds) != str(bounds):
        return _why_scale(draft, facts, want)
    if facts.bounds != bounds:
        return draft.because("retime", f"how long {process} may boot or idle was changed")
    if facts.gave_up:
        return draft.because("try-again", f"{process} had been given up, but its release serves")
    text = f"{process} stays as it is, and is told of c{draft.unit.last_change}"
    return draft.because("renew", text)


def _why_scale(draft: Draft, facts: SetFacts, want: Wanted) -> Because:
    """By a Change that the set has not heard of; else what there is to grant is another."""
    process, bounds = want.process, want.order.bounds
    said = draft.unit.intent.formation_of(process, want.type.kind)
    kept, intended = f"{process} is kept at {facts.bounds}", Bounds(said.min, said.max)
    short = granting.shortage(draft, process)
    much = f"{bounds} is granted of {intended}" if short else f"{bounds} is intended"
    if facts.fence != draft.unit.fence:
        return draft.because("scale", f"{kept}, {much}")
    if short is None or bounds.max > facts.bounds.max:
        return Because(OFFER_RULE, f"{granting.OFFERS} is more than it was: {kept}, {much}")
    return Because(
        OFFER_RULE,
        f"{short.capability} is less than it was: {kept}, {much}, for {short.because}",
    )


def _why_upkeep(process: str, upkeep: Upkeep | None) -> str:
    if upkeep is None:
        return f"{process} is kept as intended again"
    if upkeep.mode == "freeze":
        return f"{process} is to be left as it is"
    return f"instances of {process} that outsiders end are to stay away"


def plan_retirement(draft: Draft, wanted: tuple[Wanted, ...]) -> None:
    """Sets nobody wants go, but never the last that serves before its replacement does."""
    keys = {w.order.key for w in wanted}
    for facts in draft.observed.sets:
        if facts.key in keys or facts.retiring:
            if facts.retiring:
                draft.wait(facts.key.process, f"the old {facts.key.process} is draining")
            continue
        _retire(draft, wanted, facts)


def _retire(draft: Draft, wanted: tuple[Wanted, ...], facts: SetFacts) -> None:
    process = facts.key.process
    successor = next((w for w in wanted if w.process == process), None)
    if successor is None and still_proving(draft, wanted) and not _in_target(draft, process):
        return  # the new release drops this process, but may yet turn out not to start
    if _routed(draft, facts.key):
        draft.wait(process, f"v{facts.release} still takes {process} requests")
        return
    if successor is not None and not successor.ready and facts.ready:
        return  # its replacement is being waited for already
    if facts.ready and still_proving(draft, wanted) and _has_served(draft, facts):
        return  # another process of the new release may yet fail, and all of it with that
    why = "it may not run at this level" if draft.too_low else _why_retire(facts, successor)
    because = draft.because("retire", why)
    draft.steps.append(RemoveProcesses(facts.key, draft.unit.generation, because))


def _why_retire(facts: SetFacts, successor: Wanted | None) -> str:
    process = facts.key.process
    if successor is None:
        return f"no {process} is intended"
    release, new = successor.order.spec.release, f"v{successor.order.spec.release}"
    if release < facts.release:
        return f"v{facts.release} did not come to serve; {new} goes on running {process}"
    if successor.ready and release == facts.release:
        return f"{process} of {new} has started afresh"
    if successor.ready:
        return f"{new} has taken over {process}"
    return f"{new} is to run {process}, and none of v{facts.release} is ready to wait for it"


def still_proving(draft: Draft, wanted: tuple[Wanted, ...]) -> bool:
    """A release that is not ready as a whole may yet fail, and then the one before must serve."""
    pending = draft.target is not None and draft.target.status == "pending"
    return pending and not all(w.ready for w in wanted)


def _has_served(draft: Draft, facts: SetFacts) -> bool:
    """Is its release one that is gone back to when the new one fails?"""
    of = (r for r in draft.observed.releases if r.version == facts.release)
    return any(r.status == "succeeded" for r in of)


def _in_target(draft: Draft, process: str) -> bool:
    return draft.target is not None and draft.target.slug.process(process) is not None


def _routed(draft: Draft, key: SetKey) -> bool:
    """May the edge still send requests there? Until it confirmed the newest route, it may."""
    route = draft.observed.route
    if route is None:
        return False
    return not route.acked or any(b.target == key for b in route.route.backends)
