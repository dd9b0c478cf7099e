"""Carries out what a standing order decided: starts, drains, stops, kills; records each act.

And the way back: what its instances do becomes facts and lines in the app's log.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import assert_never

from setpoint.drivers.local import dyno_lines
from setpoint.drivers.local import facts as change
from setpoint.drivers.local.actlog import ActLog
from setpoint.drivers.local.hindrance import hindrance
from setpoint.drivers.local.seams import Ending, Handle, Launching, LogSink, Reports
from setpoint.drivers.local.table import Standing
from setpoint.formats import function_errors
from setpoint.formats.control import LogLine
from setpoint.model.errors import DriverError
from setpoint.model.ids import InstanceId
from setpoint.model.journal import DRIFTED, REPAIRED
from setpoint.model.process import (
    Act,
    Drain,
    Exit,
    GiveUp,
    Instance,
    Kill,
    Phase,
    ProbeSeen,
    SetFacts,
    Start,
    Stop,
)
from setpoint.model.release import NODEJS

log = logging.getLogger("setpoint.supervisor")


class Hands:
    """`changed`, `ended`: called with the set of which an instance did something by itself;
    `relieved`: with one of which an outdated instance has ended; `hindered`: with one of which the
    machine let none be started now."""

    def __init__(
        self,
        launcher: Launching,
        logs: LogSink,
        acts: ActLog,
        now_s: Callable[[], float],
    ) -> None:
        self._launcher = launcher
        self._logs = logs
        self._acts = acts
        self._now_s = now_s
        self.changed: Callable[[Standing], None] = lambda _: None
        self.ended: Callable[[Standing], None] = lambda _: None
        self.relieved: Callable[[Standing], None] = lambda _: None
        self.hindered: Callable[[Standing], None] = lambda _: None

    def carry_out(self, standing: Standing, act: Act) -> None:
        match act:
            case Start():
                self._start(standing, act)
            case Drain():
                self.drain(standing, act.instance, act.because)
            case Stop():
                self._stop(standing, act.instance, act.because)
            case Kill():
                self._kill(standing, act.instance, act.because)
            case GiveUp():
                self._record(standing, act, standing.key.process)
                standing.facts = change.gave_up(standing.facts)
            case _:
                assert_never(act)

    # --- everything of one set ----------------------------------------------------------------

    def drain_everything(self, standing: Standing, because: str) -> None:
        for instance in standing.facts.up:
            self.drain(standing, instance.id, because)

    def stop_everything(self, standing: Standing) -> None:
        for instance in standing.facts.instances:
            if instance.phase is not Phase.STOPPING:
                self._stop(standing, instance.id, "Setpoint goes down with its apps")

    def kill_everything(self, standing: Standing) -> None:
        for running in standing.running.values():
            running.kill()

    # --- acts ---------------------------------------------------------------------------------

    def _start(self, standing: Standing, act: Start) -> None:
        """It is written down once it is under way: whoever waits for it need not wait for that."""
        dyno, failure = f"{standing.key.process}.{act.ordinal}", ""
        try:
            running = self._launcher.start(standing, act.ordinal, self.reports(standing))
        except (DriverError, OSError) as error:
            failure = str(error)
            if lacks := hindrance(error):
                return self._hindered(standing, dyno, failure, lacks)
        else:
            standing.running[running.id] = running
        self._record(standing, act, dyno)
        self._say(standing, dyno, dyno_lines.starting(standing.effective_order.spec))
        if failure:
            self._say(standing, dyno, failure)
            standing.facts = change.never_started(standing.facts, failure, self._now_s())
        return None

    def _hindered(
        self,
        standing: Standing,
        dyno: str,
        failure: str,
        lacks: str,
        id: InstanceId | None = None,
    ) -> None:
        """No failure of the app's: it is not counted, and said once."""
        if standing.facts.hindered != lacks:
            self._say(standing, dyno, failure)
        standing.facts = change.hindered(standing.facts, lacks, id)
        self.hindered(standing)

    def drain(self, standing: Standing, id: InstanceId, because: str) -> None:
        self._record(standing, Drain(id, because), id)
        self._set(standing, id, change.draining(standing.facts, id, self._now_s()))

    def _stop(self, standing: Standing, id: InstanceId, because: str) -> None:
        self._record(standing, Stop(id, because), id)
        self._set(standing, id, change.stopping(standing.facts, id, self._now_s()))
        running = standing.running.get(id)
        if running is not None:
            self._say(standing, running.name.dyno, dyno_lines.stopping())
            running.terminate()

    def _kill(self, standing: Standing, id: InstanceId, because: str) -> None:
        instance, running = change.find(standing.facts, id), standing.running.get(id)
        if instance is None or running is None or running.killed:
            return
        self._record(standing, Kill(id, because), id)
        facts, order = standing.facts, standing.effective_order
        for line in dyno_lines.killing(instance.phase, order, facts.last_probe):
            self._say(standing, running.name.dyno, line)
        running.doomed = instance.phase is Phase.STARTING
        self.keep(standing, running)
        running.kill()

    # --- what instances do --------------------------------------------------------------------

    def reports(self, standing: Standing) -> Reports:
        """What an instance of this set tells, and to whom."""
        return Reports(
            started=lambda running: self._started(standing, running),
            output=lambda running, lines: self._output(standing, running, lines),
            output_lost=lambda running, count: self._output_lost(standing, running, count),
            probed=lambda running, seen: self._probed(standing, running, seen),
            ready=lambda running: self._became_ready(standing, running),
            ended=lambda running, ending: self._instance_ended(standing, running, ending),
        )

    def _started(self, standing: Standing, running: Handle) -> None:
        self.keep(standing, running)
        if running.how:
            self._say(standing, running.name.dyno, dyno_lines.started(running.how))
        self.watch_memory(standing, running)

    def watch_memory(self, standing: Standing, running: Handle) -> None:
        """What a function of Python has in hand can be seen from outside; Node.js hands over what
        it accepts, and is told on by who does that."""
        order, queue = standing.order, standing.socket
        if order is not None and queue is not None and order.spec.runtime != NODEJS:
            running.watch_memory(lambda: self._out_of_memory(standing, running))

    def _out_of_memory(self, standing: Standing, running: Handle) -> None:
        order, queue = standing.order, standing.socket
        if order is None or queue is None or running.identity is None:
            return
        reply = function_errors.out_of_memory(order.spec.memory_bytes_max)
        count = running.answer_short(queue.name, reply)
        self._say(standing, running.name.dyno, dyno_lines.out_of_memory(count))

    def _output(self, standing: Standing, running: Handle, lines: Sequence[str]) -> None:
        now_s = self._now_s()
        told = [LogLine(now_s, "app", running.name.dyno, text) for text in lines]
        self._logs.append(standing.key.app, told)

    def _output_lost(self, standing: Standing, running: Handle, count: int) -> None:
        self._say(standing, running.name.dyno, dyno_lines.lost(count))

    def _probed(self, standing: Standing, running: Handle, seen: ProbeSeen) -> None:
        """Told once, however often it is asked. What we killed answers nothing any more, and that
        is not why it was killed."""
        instance, before = change.find(standing.facts, running.id), standing.facts.last_probe
        if instance is None or instance.phase is not Phase.STARTING or running.killed:
            return
        if seen == before:
            return
        if before is None or before.fact != seen.fact:
            self._say(standing, running.name.dyno, dyno_lines.probed(seen))
        standing.facts = change.probed(standing.facts, seen)
        self.changed(standing)

    def _became_ready(self, standing: Standing, running: Handle) -> None:
        instance = change.find(standing.facts, running.id)
        if instance is None or instance.phase is not Phase.STARTING:
            return
        self._say(standing, running.name.dyno, dyno_lines.changed("starting", "up"))
        endpoint = self._launcher.endpoint(running)
        facts = change.became_ready(standing.facts, running.id, endpoint, self._now_s())
        self._set(standing, running.id, facts)
        self._launcher.proven(standing, running, self._now_s() - instance.started_at_s)
        self.changed(standing)

    def _instance_ended(self, standing: Standing, running: Handle, ending: Ending) -> None:
        instance = change.find(standing.facts, running.id)
        standing.running.pop(running.id, None)
        if instance is not None and ending.hindrance:
            told = (ending.failure, ending.hindrance, running.id)
            self._hindered(standing, running.name.dyno, *told)
        elif instance is not None:
            if ending.failure:
                self._say(standing, running.name.dyno, ending.failure)
            exit = self._exit(instance, running, ending)
            self._tell_exit(standing, running, instance, exit)
            last_lines = (*running.last_lines, *filter(None, (ending.failure,)))
            standing.facts = change.ended(standing.facts, running.id, exit, last_lines)
            if exit.from_outside:
                self.drifted(standing, running.name.dyno, exit.text)
            if instance.outdated:
                self.relieved(standing)
        self.ended(standing)

    def _exit(self, instance: Instance, running: Handle, ending: Ending) -> Exit:
        asked = instance.stop_at_s is not None and not running.doomed
        return Exit(ending.code, self._now_s(), ending.oom, asked, timed_out=running.doomed)

    def _tell_exit(
        self, standing: Standing, running: Handle, instance: Instance, exit: Exit
    ) -> None:
        spec = standing.order.spec if standing.order is not None else None
        dyno = running.name.dyno
        answered = running.short or (spec is not None and spec.runtime == NODEJS)
        for line in dyno_lines.ended(exit, spec, answered=answered):
            self._say(standing, dyno, line)
        before = "up" if instance.ready_at_s is not None else "starting"
        self._say(standing, dyno, dyno_lines.changed(before, dyno_lines.state_after(exit)))

    # --- drift --------------------------------------------------------------------------------

    def drifted(self, standing: Standing, subject: str, what: str) -> None:
        """What an outsider did: recorded once, until it is repaired. `subject`: a dyno, or what
        belongs to all of them."""
        if change.adrift_since_s(standing.facts, subject) is None:
            standing.facts = change.drifted(standing.facts, subject, self._now_s())
            self._record_verb(standing, DRIFTED, subject, what)

    def unmended(self, standing: Standing, subject: str, why: str) -> None:
        """A try to repair it has failed."""
        before = standing.facts
        standing.facts = change.unmended(before, subject, why)
        if standing.facts != before:
            self.changed(standing)

    def repaired(self, standing: Standing, subject: str, how: str) -> None:
        """Nothing where it had not drifted."""
        since_s = change.adrift_since_s(standing.facts, subject)
        if since_s is not None:
            standing.facts = change.repaired(standing.facts, subject)
            took_s = max(0.0, self._now_s() - since_s)
            self._record_verb(standing, REPAIRED, subject, f"{how}, {took_s:.1f} s later")

    def left(self, standing: Standing, others: Iterable[Standing]) -> None:
        """It is no more, and with it what had drifted; what others of its app run on as well is
        theirs to tell of."""
        heir = next((s for s in others if _same_files(s, standing)), None)
        for adrift in standing.facts.adrift:
            own = adrift.subject.partition(".")[0] == standing.key.process
            if own or heir is None:
                self.repaired(standing, adrift.subject, "is wanted no more")
            elif change.adrift_since_s(heir.facts, adrift.subject) is None:
                heir.facts = change.drifted(heir.facts, adrift.subject, adrift.since_s)
                self.changed(heir)

    def dial_anew(self, standing: Standing) -> None:
        """Its app may have another link by now, and thereby another address. Whoever was dialled
        at the old one is at the new one; the old one may be another app's."""
        before = standing.facts
        for running in list(standing.running.values()):
            instance, way = (
                change.find(standing.facts, running.id),
                self._launcher.endpoint(running),
            )
            if instance is not None and instance.endpoint not in (None, way):
                self._set(standing, running.id, change.moved(standing.facts, running.id, way))
        if standing.facts != before:
            self.changed(standing)

    # --- records ------------------------------------------------------------------------------

    def _set(self, standing: Standing, id: InstanceId, facts: SetFacts) -> None:
        standing.facts = facts
        if id in standing.running:
            self.keep(standing, standing.running[id])

    def keep(self, standing: Standing, running: Handle) -> None:
        """What happened, happened: on a full disk a later supervisor finds an older record."""
        try:
            self._launcher.keep(standing, running)
        except OSError as error:
            log.warning("instance.not_recorded", extra={"who": running.id, "why": str(error)})

    def _record(self, standing: Standing, act: Act, subject: str) -> None:
        self._record_verb(standing, type(act).__name__.lower(), subject, act.because)

    def _record_verb(self, standing: Standing, verb: str, subject: str, because: str) -> None:
        generation = standing.facts.fence.generation
        self._acts.record(standing.key, verb, subject, because, generation)

    def _say(self, standing: Standing, dyno: str, text: str) -> None:
        self._logs.append(standing.key.app, [LogLine(self._now_s(), "heroku", dyno, text)])


def _same_files(one: Standing, other: Standing) -> bool:
    specs = [s.order.spec for s in (one, other) if s.order is not None]
    return len({(spec.code, spec.layer) for spec in specs}) == 1 and len(specs) == 2
