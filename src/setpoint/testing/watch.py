"""Watches a simulated run as it goes: what must not happen even for a moment.

Every check is on the world (what runs, what is routed, what is remembered), not on calls made.
"""

import asyncio
import itertools
from collections.abc import Iterator

from setpoint.drivers.local.facts import LOST
from setpoint.drivers.local.running import CANNOT_EXECUTE
from setpoint.model.app import Unit, UpkeepMode
from setpoint.model.ids import AppId, Fence, JobId, SetKey
from setpoint.model.job import JobFacts, JobOrder
from setpoint.model.journal import Entry
from setpoint.model.level import at_least
from setpoint.model.process import Act, Drain, Instance, Phase, ProcessSpec, SetOrder, Start, Stop
from setpoint.model.release import BuildRequest, Release
from setpoint.model.route import Route
from setpoint.planning import layers, release_phase
from setpoint.planning.standing import ANSWER_S_MAX
from setpoint.store.port import Status
from setpoint.testing.edge import SimEdge
from setpoint.testing.programs import BY_DIGEST, FOR_EVER_S
from setpoint.testing.slot import Slot
from setpoint.testing.store import SimStore
from setpoint.testing.supervisor import SimSupervisor
from setpoint.testing.truth import bounds_of, phase_went_well, release_serves

LOOK_AND_LEAP_S = 1.0
"""How old the last look before an effect may be: one slow answer, no more."""

CLOCK_S = 0.01
"""As far as nobody tells two moments of it apart."""

LATEST = 150
"""entries of an app: among so many what arrives late was announced, however often it was tried."""
MEMORY_S = 60.0
"""For longer nobody goes by what was offered once."""

MANY_CRASHES, REST_S_MIN = 4, 1.0
"""After so many in a row, nothing is started again sooner than that."""

VERBS = {
    "apply": "ensure-processes",
    "remove": "remove-processes",
    "ensure_route": "ensure-route",
    "remove_route": "remove-route",
}


class Watch:
    """`violations`: one sentence each, with its virtual second. `trace`: all that was done."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        store: SimStore,
        supervisor: SimSupervisor,
        edge: SimEdge,
    ) -> None:
        self._loop = loop
        self._started_s = loop.time()
        self._store = store
        self._supervisor = supervisor
        self._edge = edge
        self.violations: list[str] = []
        self.trace: list[str] = []
        self.accepted: dict[AppId, tuple[int, Fence]] = {}
        self._highest: dict[tuple[AppId, str], Fence] = {}
        self._late = False
        self._given_up: dict[SetKey, tuple[object, ...]] = {}
        self._generations: dict[AppId, int] = {}
        supervisor.on_command = self._on_set
        supervisor.on_act = self._on_act
        supervisor.on_given_up = self._on_given_up
        supervisor.on_job = self._on_job
        supervisor.on_job_facts = self._on_job_facts
        supervisor.on_drop = self._on_drop
        supervisor.on_build = self._on_build
        self._jobs_started: dict[JobId, tuple[float, JobOrder, int]] = {}
        edge.on_command = self._on_edge
        edge.on_route = self._on_route
        store.on_status = self._on_status
        store.on_verdict = self._on_verdict

    def violated(self, what: str) -> None:
        self.violations.append(f"{self._loop.time() - self._started_s:.2f} s: {what}")

    def note(self, what: str) -> None:
        self.trace.append(f"{self._loop.time() - self._started_s:.4f} {what}")

    def issued(self, verb: str, app: AppId, fence: Fence) -> None:
        """A command leaves the daemon: was the intent it serves still the newest, just now?

        What is left of a forgotten app is collected under the fence that it has.
        """
        if app not in self._store.rows.units:
            return
        for generation, at_s in self._store.moved_at[app]:
            if generation > fence.generation:
                age_s = self._loop.time() - at_s
                if age_s > LOOK_AND_LEAP_S:
                    self.violated(f"{verb} was issued {age_s:.1f} s after its intent had changed")
                return

    def arrives_late(self) -> None:
        """The next command comes from a caller that gave up on it."""
        self._late = True

    def _on_set(self, verb: str, key: SetKey, fence: Fence) -> None:
        late, self._late = self._late, False
        self._accept(verb, key.app, key.process, fence)
        if verb == "remove":
            self._given_up.pop(key, None)
        if verb == "remove" and not late:
            self._check_successor(key)
        if not late and (verb == "remove" or key not in self._supervisor.slots):
            self._check_left_alone(key.app, f"{verb} of {key.process}")
        unit = self._store.rows.units.get(key.app)
        meant_to_serve = unit is not None and not unit.intent.deleted
        if verb == "remove" and meant_to_serve and self._edge.target(key.app, key.process) == key:
            self.violated(f"{key} was removed while requests were still routed to it")

    def _on_edge(self, verb: str, app: AppId, fence: Fence) -> None:
        if verb == "remove_route":
            late, self._late = self._late, False
            if not late:
                self._check_left_alone(app, verb)
        self._accept(verb, app, "route", fence)

    def _on_route(self, route: Route) -> None:
        """Nobody is turned away while something that has served still stands and is intended.

        A command that arrives late was right when it was issued; the next look puts it right.
        """
        late, self._late = self._late, False
        self._check_ready(route)
        if late:
            return
        self._check_whole(route)
        unit = self._store.rows.units.get(route.app)
        before = self._edge.routes.get(route.app)
        if before is None or not before.route.same_as(route):
            self._check_left_alone(route.app, "ensure_route")
        if unit is None or before is None or not self._long_settled(route.app):
            return
        after = {b.process for b in route.backends if b.target is not None}
        for backend in before.route.backends:
            slot = self._supervisor.slots.get(backend.target) if backend.target else None
            if slot is None or slot.retiring or not slot.ever_ready:
                continue
            if backend.process not in after and self._is_meant(unit, backend.process, slot):
                self.violated(f"{backend.process} was taken out of the routes and could serve")

    def _check_ready(self, route: Route) -> None:
        """Requests are not moved from what is ready to what never was, nor to an error page."""
        before = self._edge.routes.get(route.app)
        served = {b.process: b.target for b in before.route.backends} if before else {}
        slots = self._supervisor.slots
        for backend in route.backends:
            old, new = served.get(backend.process), backend.target
            slot = slots.get(new) if new is not None else None
            if slot is None:
                continue
            program = BY_DIGEST.get(slot.order.spec.code)
            if slot.ready and program is not None and program.errs_s >= FOR_EVER_S:
                self.violated(f"requests for {backend.process} go to an error page")
            proven = slot.ever_ready or _is_lost(slot)
            if old != new and old in slots and slots[old].ready and not proven:
                self.violated(f"requests for {backend.process} went to what never was ready")

    def _check_successor(self, key: SetKey) -> None:
        """What has proven itself and is intended goes once something has taken its place."""
        unit, slot = self._store.rows.units.get(key.app), self._supervisor.slots.get(key)
        if unit is None or slot is None or not self._long_settled(key.app):
            return
        if not any(self._long_ready(i) for i in slot.instances.values()):
            return
        release = self._release(key.app, slot.order.spec.release)
        if release is None or release.status != "succeeded":
            return
        others = (
            s
            for k, s in self._supervisor.slots.items()
            if k != key and (k.app, k.process) == (key.app, key.process)
        )
        if self._is_meant(unit, key.process, slot) and not any(s.ever_ready for s in others):
            self.violated(f"{key} was removed and nothing had taken its place")

    def _long_ready(self, instance: Instance) -> bool:
        """For longer than a look and its leap."""
        since_s = instance.ready_at_s
        if instance.phase is not Phase.READY or since_s is None:
            return False
        return self._supervisor.clock_s - since_s > LOOK_AND_LEAP_S

    def _check_whole(self, route: Route) -> None:
        """An unproven release takes requests once all of it has been ready."""
        unit, before = self._store.rows.units.get(route.app), self._edge.routes.get(route.app)
        if unit is None or not self._long_settled(route.app):
            return
        served = {b.target for b in before.route.backends} if before else set[SetKey | None]()
        sets = {k: s for k, s in self._supervisor.slots.items() if k.app == route.app}
        for target in {b.target for b in route.backends} - served:
            slot = sets.get(target) if target is not None else None
            version = slot.order.spec.release if slot is not None else 0
            release = self._release(route.app, version)
            if release is None or release.status != "pending":
                continue
            specs = [s.order.spec for s in sets.values() if s.ever_ready]
            proven = {spec.process for spec in specs if spec.release == version}
            missing = [
                p.name
                for p in release.slug.processes
                if p.kind != "release" and bounds_of(unit, release, p.name).max
            ]
            for process in set(missing) - proven:
                self.violated(f"{release.label} takes requests before its {process} was ready")

    def _is_meant(self, unit: Unit, process: str, slot: Slot) -> bool:
        """Is it intended to run, and not dropped by a newer release that has proven itself?"""
        scaled = unit.intent.formation.get(process)
        if unit.intent.deleted or (scaled is not None and scaled.max == 0):
            return False
        if self._was_too_low(unit):
            return False
        newer = [
            r
            for r in self._store.rows.releases.get(unit.id, ())
            if r.version > slot.order.spec.release
        ]
        return not any(r.slug.process(process) is None and self._has_proven(unit, r) for r in newer)

    def _was_too_low(self, unit: Unit) -> bool:
        """It asks for a level of isolation that lately was not to be had, which may still count."""
        if unit.intent.isolation_level_min is None:
            return False
        return self._loop.time() - self._supervisor.fell_short_s < MEMORY_S

    def _has_proven(self, unit: Unit, release: Release) -> bool:
        """Something of it was ready, or nothing of it is meant to run."""
        if not any(bounds_of(unit, release, p.name).max for p in release.slug.processes):
            return True
        sets = [s for k, s in self._supervisor.slots.items() if k.app == unit.id]
        return any(s.ever_ready and s.order.spec.release == release.version for s in sets)

    def _release(self, app: AppId, version: int) -> Release | None:
        rows = self._store.rows.releases.get(app, ())
        return next((r for r in rows if r.version == version), None)

    def _long_settled(self, app: AppId) -> bool:
        """The intent is older than a look and its leap."""
        return self._loop.time() - self._store.moved_at[app][-1][1] > LOOK_AND_LEAP_S

    def _accept(self, verb: str, app: AppId, process: str, fence: Fence) -> None:
        self.note(f"{verb} {app} {process} {fence}")
        highest = self._highest.get((app, process))
        if highest is not None and fence < highest and app not in self._supervisor.dropped:
            self.violated(f"{verb} of generation {fence} won over {highest} for {process}")
        self._highest[app, process] = max(fence, highest or fence)
        count = self.accepted.get(app, (0, fence))[0]
        self.accepted[app] = (count + 1, fence)
        told = self._announced(app, VERBS[verb])
        if not any(e.generation == fence.generation and _is_about(process, e) for e in told):
            self.violated(f"{verb} {process} was done for {app} and no entry had announced it")

    def _announced(self, app: AppId, verb: str) -> Iterator[Entry]:
        """The entries, of the latest, that said something like this would be done."""
        entries = (self._store.entries[id] for id in reversed(self._store.entries_of[app]))
        steps = (e for e in entries if e.kind != "act")
        return (e for e in itertools.islice(steps, LATEST) if e.verb == verb)

    def _on_act(self, slot: Slot, act: Act) -> None:
        key = slot.order.key
        self.note(f"act {type(act).__name__} {key} {getattr(act, 'instance', '')}")
        if isinstance(act, Stop):
            self._check_answered(slot, act)
        if isinstance(act, Start | Drain) and not slot.retiring:
            self._check_kept(slot, act)
        self._check_given_up(slot, act)
        if isinstance(act, Start):
            self._check_pace(slot)
            self._check_release_phase(slot)
            self._check_layer(key.app, slot.order.spec)
        if not isinstance(act, Drain | Stop) or slot.order.bounds.min == 0:
            return
        if slot.instances[act.instance].phase is not Phase.READY:
            return
        others = sum(
            s.ready
            for k, s in self._supervisor.slots.items()
            if (k.app, k.process) == (key.app, key.process)
        )
        if others <= 1 and self._edge.target(key.app, key.process) == key:
            self.violated(f"{act.instance} was stopped as the last ready one behind a route")

    def _check_answered(self, slot: Slot, act: Stop) -> None:
        """What it was given before it was let go is answered; nothing waits for more than that."""
        since_s = slot.instances[act.instance].stop_at_s
        left = self._supervisor.in_hand(act.instance)
        if left and since_s is not None and self._supervisor.clock_s - since_s < ANSWER_S_MAX:
            self.violated(f"{act.instance} was told to end and had {left} requests in hand")

    def _check_left_alone(self, app: AppId, what: str) -> None:
        """Nothing of a frozen app is changed from the moment that a look and its leap are over."""
        if self._kept(app) == "freeze":
            self.violated(f"{what} for {app}, which is frozen")

    def _kept(self, app: AppId) -> UpkeepMode:
        """How it has been kept for longer than a look and its leap. No clock that jumps ahead ends
        what is so until a moment. What may not run at the level there is goes all the same."""
        unit, now_s = self._store.rows.units.get(app), self._loop.time()
        if unit is None or unit.intent.deleted or not self._long_settled(app):
            return "enforce"
        if self._was_too_low(unit):
            return "enforce"
        upkeep = unit.intent.upkeep_at(now_s)
        return "enforce" if upkeep is None else upkeep.mode

    def _check_kept(self, slot: Slot, act: Start | Drain) -> None:
        """A set that knows that it is frozen is left as it is, and what outsiders ended of one
        whose drift is only told does not come back by itself."""
        order, mode = slot.order, slot.order.mode
        up = sum(i.phase in (Phase.STARTING, Phase.READY) for i in slot.instances.values())
        fills = slot.ever_ready and slot.lost and up + slot.lost >= order.bounds.min
        if mode == "freeze":
            self.violated(f"{type(act).__name__} of {order.key}, which is frozen")
        elif mode == "report" and isinstance(act, Start) and fills and not slot.waiting:
            self.violated(f"what an outsider ended of {order.key} was started again")

    def _check_given_up(self, slot: Slot, act: Act) -> None:
        """What was said to be given up is not started again unless something else is asked for,
        by whichever life. Once its records were wiped, nobody knows that it was."""
        order = slot.order
        before = self._given_up.pop(order.key, None) if isinstance(act, Start) else None
        if before == self._asked(order):
            self.violated(f"{order.key} was started again after it was given up")

    def _asked(self, order: SetOrder) -> tuple[object, ...]:
        incarnation, wiped = order.fence.incarnation, self._supervisor.wiped
        return incarnation, order.bounds, order.attempts_max, wiped

    def _on_given_up(self, slot: Slot) -> None:
        """The supervisor says so, and has it on record."""
        self._given_up[slot.order.key] = self._asked(slot.order)

    def _check_pace(self, slot: Slot) -> None:
        """What has crashed again and again is given a rest."""
        last = slot.last_exit
        if slot.crashes < MANY_CRASHES or last is None or last.expected:
            return
        if last.code == CANNOT_EXECUTE:
            return  # of several that were to start together, this is not the first that could not
        if self._supervisor.clock_s - last.at_s < REST_S_MIN:
            self.violated(f"{slot.order.key} was started at once after {slot.crashes} crashes")

    def _on_build(self, request: BuildRequest) -> None:
        """What outsiders altered is laid again where drift is to be repaired. Where drift is only
        told, it is so for what a Change rolls out on it."""
        entries = (self._store.entries[id] for id in reversed(self._store.entries_of[request.app]))
        asked = next((e for e in entries if e.verb == "start-build"), None)
        if asked is None or asked.rule != layers.RULE:
            return
        mode = self._kept(request.app)
        if mode == "freeze" or (mode == "report" and self._store.was_so(request.app)):
            self.violated(f"what was altered of {request.app} was laid again, and was to be left")

    def _on_job(self, order: JobOrder) -> None:
        self.note(f"job {order.dyno} of {order.app} starts")
        if order.id in self._jobs_started:
            self.violated(f"{order.dyno} was started twice")
        self._check_level(order)
        self._jobs_started[order.id] = self._loop.time(), order, self._supervisor.wiped
        self._check_layer(order.app, order.spec)
        if order.spec.process == release_phase.PROCESS:
            others = (k for k in self._supervisor.ledger.values() if k.app == order.app)
            beside = [k for k in others if k.state == "running" and k.id != order.id]
            if any(k.order and k.order.spec.process == release_phase.PROCESS for k in beside):
                self.violated(f"{order.dyno} runs beside another release phase of its app")
        if not any(e.subject == order.dyno for e in self._announced(order.app, "start-job")):
            self.violated(f"{order.dyno} was started and no entry had announced it")

    def _on_job_facts(self, facts: JobFacts) -> None:
        proc = self._supervisor.process_of(facts.id)
        if facts.state != "running" and proc is not None and proc.code is None:
            self.violated(f"{facts.dyno} was said to be {facts.state}, and runs")
        if facts.exit is not None and facts.exit.timed_out:
            self._check_took_its_time(facts.id)
        *_, wiped = self._jobs_started.get(facts.id, (-1,))
        if facts.state == "lost" and wiped == self._supervisor.wiped:
            self.violated(f"{facts.dyno} was started, and what came of it was lost")

    def _check_level(self, order: JobOrder) -> None:
        """Nothing of an app starts at a lower level of isolation than it asks for."""
        unit, level = self._store.rows.units.get(order.app), self._supervisor.capabilities.level
        wanted = unit.intent.isolation_level_min if unit is not None else None
        if wanted is not None and self._long_settled(order.app) and not at_least(level, wanted):
            self.violated(f"{order.dyno} was started at {level}, and asks for {wanted}")

    def _check_took_its_time(self, id: JobId) -> None:
        """Whatever happened to the clock, and to whoever looked at it."""
        began_s, order, _ = self._jobs_started[id]
        took_s = self._loop.time() - began_s
        if took_s < order.run_s_max - CLOCK_S:
            self.violated(f"{order.dyno} had {order.run_s_max:g} s and was ended after {took_s:g}")

    def _on_drop(self, app: AppId) -> None:
        """Nothing of an app runs on once it is forgotten."""
        if any(slot.instances for key, slot in self._supervisor.slots.items() if key.app == app):
            self.violated(f"{app} was forgotten while a set of it was running")
        for known in self._supervisor.ledger.values():
            if known.app == app and known.state == "running":
                self.violated(f"{app} was forgotten while a job of it was running")

    def _check_layer(self, app: AppId, spec: ProcessSpec) -> None:
        """Nothing that runs for an app that memory knows was ever removed under it."""
        if app in self._store.rows.units and not self._supervisor.disk.has(spec.code):
            self.violated(f"{spec.process} of v{spec.release} starts and its layer is gone")

    def _check_release_phase(self, slot: Slot) -> None:
        """Nothing of a release starts before its release phase went well."""
        key, version = slot.order.key, slot.order.spec.release
        release = self._release(key.app, version)
        if release is not None and not phase_went_well(self._store, release):
            self.violated(f"{key.process} of {release.label} starts before its release phase")

    def _on_verdict(self, app: AppId, version: int, succeeded: bool) -> None:
        """A release that cannot serve is only let through while nothing of it is meant to run."""
        release = next(r for r in self._store.rows.releases[app] if r.version == version)
        unit = self._store.rows.units.get(app)
        if not succeeded or unit is None or release_serves(self._store, release):
            return
        wanted = [p.name for p in release.slug.processes if bounds_of(unit, release, p.name).max]
        if wanted and self._long_settled(app):
            self.violated(f"{release.label} was said to serve, and its {wanted[0]} cannot")

    def _on_status(self, unit: AppId, status: Status) -> None:
        if any(c.observed_generation != status.observed_generation for c in status.conditions):
            self.violated(f"a condition of {unit} speaks for another generation than its status")
        current = self._store.rows.status.get(unit)
        seen = self._generations.get(unit, 0)
        if current is not None and current.observed_generation < seen:
            self.violated(f"the observed generation of {unit} went back")
        self._generations[unit] = max(
            seen, current.observed_generation if current is not None else 0
        )


def _is_lost(slot: Slot) -> bool:
    """It is ready, and its order was taken off the record: whether it had proven itself is lost as
    well. A command that comes late may name it, as any did before."""
    return slot.facts.release == LOST and slot.ready > 0


def _is_about(process: str, entry: Entry) -> bool:
    """An app has one route, and nobody says which."""
    return process in ("route", entry.subject.partition("@")[0])
