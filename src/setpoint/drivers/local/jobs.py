"""Jobs in this supervisor's hands: each starts once or never, is followed to its end, and told.

When one has to end is `planning.job_standing`'s to say. The ledger tells what was ever seen.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from setpoint.drivers.clock import Clock
from setpoint.drivers.local import dyno_lines
from setpoint.drivers.local.job_launching import JobRecord, SitDown
from setpoint.drivers.local.ledger import Ledger
from setpoint.drivers.local.names import JobName
from setpoint.drivers.local.running import CANNOT_EXECUTE
from setpoint.drivers.local.sandbox import Identity
from setpoint.drivers.local.seams import (
    Ending,
    Handle,
    JobLaunching,
    LogSink,
    Reports,
    Timers,
)
from setpoint.drivers.local.terminals import JobTerminal
from setpoint.drivers.local.vetting import vet_app, vet_job_id
from setpoint.formats.control import AttachJob, LogLine
from setpoint.model.errors import DriverError, Terminal, Transient
from setpoint.model.ids import AppId, JobId
from setpoint.model.job import HangUp, JobFacts, JobOrder, JobWatch, KillJob
from setpoint.model.process import Exit
from setpoint.planning.job_standing import decide
from setpoint.planning.standing import GRACE_S

log = logging.getLogger("setpoint.supervisor")
TOLD_S = 3600.0
"""How long an end is told unasked. A daemon that was away for longer asks for a start once more,
and is told then."""
AGAIN_S = 1.0
END_S = 60.0
"""How long the last words of one that ended wait for whoever watches."""


@dataclass
class Live:
    """One job that runs."""

    order: JobOrder
    watch: JobWatch
    running: Handle
    adopted: bool = False
    timer: asyncio.TimerHandle | None = None


class Jobs:
    """`tell`: this app's facts changed."""

    def __init__(
        self,
        launcher: JobLaunching,
        ledger: Ledger,
        logs: LogSink,
        tell: Callable[[AppId], None],
        clock: Clock,
        loop: Timers,
    ) -> None:
        self._launcher = launcher
        self._ledger = ledger
        self._logs = logs
        self._tell = tell
        self._clock = clock
        self._now_s = clock.now_s
        self._loop = loop
        self._live: dict[JobId, Live] = {}
        self._sides: dict[JobId, JobTerminal] = {}
        self._asked_s: dict[JobId, float] = {}
        self._halted = False
        self._something_ended = asyncio.Event()
        clock.on_jump.append(self._shift)

    # --- what it is asked ---------------------------------------------------------------------

    def exec(self, order: JobOrder, environment: Mapping[str, str]) -> None:
        """Start it, unless its id was ever seen. Raises Transient, OSError: then it was not."""
        if self._ledger.line(order.id) is not None:
            self._tell_again(order.id)
            return
        if self._halted:
            raise Transient(f"cannot start {order.dyno}: Setpoint goes down")
        self._launcher.check(order)
        now_s = self._now_s()
        facts = JobFacts(order.id, order.app, order.dyno, "running", started_at_s=now_s)
        self._ledger.enter(facts, order)
        self._start(order, environment, facts)
        self._tell(order.app)

    def end(self, app: AppId, id: JobId) -> None:
        """SIGTERM, later SIGKILL. An id not seen before is never started. Raises OSError."""
        live = self._live.get(id)
        if live is not None:
            self._stop(live)
        elif self._ledger.line(id) is None:
            now_s = self._now_s()
            self._ledger.enter(JobFacts(id, app, "", "ended", ended_at_s=now_s))
            self._tell(app)
        else:
            self._tell_again(id)

    def terminal(self, request: AttachJob) -> JobTerminal:
        """To attach to. Raises Transient while it is not started, Terminal where it cannot be."""
        vet_app(request.app)
        vet_job_id(request.id)
        side, line = self._sides.get(request.id), self._ledger.line(request.id)
        if line is None or line.facts.app != request.app:
            raise Transient("cannot attach: it is not started yet")
        if side is None:
            fact = "it has no terminal" if request.id in self._live else "it has ended"
            raise Terminal(f"cannot attach to {line.facts.dyno}: {fact}")
        side.check_free()
        return side

    def facts(self) -> tuple[JobFacts, ...]:
        """What runs, and every end of which memory may not know yet."""
        since_s = self._now_s() - TOLD_S
        told: list[JobFacts] = []
        for line in self._ledger.lines():
            facts = line.facts
            live = self._live.get(facts.id)
            if live is not None:
                told.append(replace(facts, stopping=live.watch.stop_at_s is not None))
            elif max(line.at_s, self._asked_s.get(facts.id, 0.0)) >= since_s:
                told.append(facts)
            else:
                self._asked_s.pop(facts.id, None)
                self._ledger.forget_words(facts.id)
        return tuple(told)

    def check_unused(self, app: AppId) -> None:
        """Raises Transient while a job of the app runs."""
        if any(live.order.app == app for live in self._live.values()):
            raise Transient("cannot forget the app: a job of it is still running")

    async def stop_all(self) -> None:
        """Every one that runs, and none is started until the next supervisor."""
        self._halted = True
        kill_at_s = self._loop.time() + GRACE_S
        for live in list(self._live.values()):
            self._stop(live)
        while self._live:
            self._something_ended.clear()
            try:
                async with asyncio.timeout_at(kill_at_s):
                    await self._something_ended.wait()
            except TimeoutError:
                kill_at_s = self._loop.time() + AGAIN_S
                for live in self._live.values():
                    live.running.kill()

    # --- taking over --------------------------------------------------------------------------

    def adopt(self, found: Mapping[tuple[str, str], Identity]) -> None:
        """What the supervisor before left. `found`: of (app, name), as the machine tells it."""
        left = {JobName.parse(name): identity for (_, name), identity in found.items()}
        records = {record.order.id: record for record in self._launcher.records()}
        for line in self._ledger.lines():
            if line.facts.state == "running" and line.order is not None:
                order, record = line.order, records.pop(line.facts.id, None)
                seen = left.pop(JobName(order.id, order.dyno), None)
                self._adopt(order, record, seen)
        for record in records.values():
            self._launcher.clear(record.order)
        for name, identity in left.items():
            log.warning("job.not_in_the_ledger", extra={"found": str(name)})
            self._launcher.end(identity)

    def _adopt(self, order: JobOrder, record: JobRecord | None, seen: Identity | None) -> None:
        """What was handed over, and neither runs nor left a word of its end, is lost."""
        identity = record.identity if record is not None and record.identity else seen
        line = self._ledger.line(order.id)
        assert line is not None
        if identity is not None:
            started_s = line.facts.started_at_s or self._now_s()
            watch = record.watch if record is not None else JobWatch(started_s, order.run_s_max)
            noted = record if record is not None else line
            self._take_over(order, _shifted(watch, self._clock.since(noted.apart_s)), identity)
        else:
            self._ended_unseen(order, line.facts)

    def _take_over(self, order: JobOrder, watch: JobWatch, identity: Identity) -> None:
        try:
            running = self._launcher.adopt(
                order, identity, self._reports(order.id), self._sit_down(order)
            )
        except OSError as error:
            log.warning("job.not_adopted", extra={"job": order.id, "why": error})
            self._launcher.end(identity)
            line = self._ledger.line(order.id)
            if line is not None:
                self._enter(replace(line.facts, state="lost", ended_at_s=self._now_s()), order)
            return
        if order.attached:
            watch = replace(watch, away_at_s=self._now_s())
        live = Live(order, watch, running, adopted=True)
        self._live[order.id] = live
        self._keep(live)
        if watch.killed:
            running.kill()  # again: it may have been too early to know whom
        self._look(order.id)

    def _ended_unseen(self, order: JobOrder, facts: JobFacts) -> None:
        """It was about to start. If it ended before anybody saw it run, its status file says so."""
        seen = self._launcher.last_word(order)
        if seen is not None:
            code, oom = seen
            exit = Exit(code, self._now_s(), oom)
            facts = replace(facts, state="ended", exit=exit, ended_at_s=exit.at_s)
        else:
            facts = replace(facts, state="lost", ended_at_s=self._now_s())
        self._enter(facts, order)

    # --- one job ------------------------------------------------------------------------------

    def _start(self, order: JobOrder, environment: Mapping[str, str], facts: JobFacts) -> None:
        now_s = facts.started_at_s or self._now_s()
        watch = JobWatch(now_s, order.run_s_max, away_at_s=now_s if order.attached else None)
        self._say(order, dyno_lines.starting(order.spec))
        try:
            running = self._launcher.start(
                order, environment, watch, self._reports(order.id), self._sit_down(order)
            )
        except (DriverError, OSError) as error:
            self._say(order, str(error))
            exit = Exit(CANNOT_EXECUTE, self._now_s())
            self._say_end(order, exit.code, str(error))
            last = (str(error),)
            facts = replace(facts, state="ended", exit=exit, ended_at_s=exit.at_s, last_lines=last)
            self._enter(facts, order)
            return
        self._live[order.id] = Live(order, watch, running)
        self._look(order.id)

    def _look(self, id: JobId) -> None:
        """Decide about it now, and again when time has come."""
        live = self._live.get(id)
        if live is None:
            return
        self._clock.heed()
        if live.timer is not None:
            live.timer.cancel()
            live.timer = None
        acts = decide(live.watch, self._now_s())
        match acts.act:
            case HangUp():
                self._hang_up(id)
            case KillJob(late=late):
                for text in dyno_lines.killing_job(late):
                    self._say(live.order, text)
                live.watch = replace(live.watch, killed=True, late=late)
                live.running.kill()
            case None:
                if acts.look_again_s is not None:
                    live.timer = self._loop.call_later(acts.look_again_s, self._look, id)
                return
        self._keep(live)
        self._loop.call_soon(self._look, id)

    def _hang_up(self, id: JobId) -> None:
        """As when a terminal is closed. What heeds it not goes on without one."""
        live, side = self._live.get(id), self._sides.get(id)
        if live is not None and not live.watch.hung_up:
            live.watch = replace(live.watch, hung_up=True)
            self._keep(live)
            live.running.hang_up()
        if side is not None:
            side.leave()

    def _shift(self, by_s: float) -> None:
        for live in self._live.values():
            live.watch = _shifted(live.watch, by_s)
            self._loop.call_soon(self._look, live.order.id)

    def _stop(self, live: Live) -> None:
        if live.watch.stop_at_s is None:
            self._say(live.order, dyno_lines.stopping())
            live.watch = replace(live.watch, stop_at_s=self._now_s())
            self._keep(live)
            live.running.terminate()
            self._tell(live.order.app)
            self._look(live.order.id)

    def _keep(self, live: Live) -> None:
        """A full disk stops nothing: a later supervisor finds an older record."""
        try:
            self._launcher.keep(live.running, live.order, live.watch)
        except OSError as error:
            log.warning("job.not_recorded", extra={"job": live.order.id, "why": str(error)})

    # --- terminals ----------------------------------------------------------------------------

    def _sit_down(self, order: JobOrder) -> SitDown:
        def made(entry: int | None, output: int, adopted: bool) -> JobTerminal:
            side = JobTerminal(
                entry,
                output,
                order.tty,
                presence=lambda somebody: self._presence(order.id, somebody),
                unseen=lambda lines: self._output(order.id, lines),
                closed=lambda: self._launcher.let_go(order),
                adopted=adopted,
            )
            side.hang_up = lambda: self._hang_up(order.id)
            self._sides[order.id] = side
            return side

        return made

    def _presence(self, id: JobId, somebody: bool) -> None:
        live = self._live.get(id)
        if live is not None:
            away_at_s = None if somebody else self._now_s()
            live.watch = replace(live.watch, away_at_s=away_at_s)
            self._keep(live)
            self._look(id)

    def _say_end(self, order: JobOrder, code: int | None, text: str) -> None:
        side = self._sides.get(order.id)
        if side is not None:
            side.told_end(code, text)
            self._loop.call_later(END_S, self._sides.pop, order.id, None)

    # --- what jobs do -------------------------------------------------------------------------

    def _reports(self, id: JobId) -> Reports:
        return Reports(
            started=lambda _: self._started(id),
            output=lambda _, lines: self._output(id, lines),
            output_lost=lambda _, count: self._said_too_much(id, count),
            ready=lambda _: None,
            ended=lambda running, ending: self._ended(id, running, ending),
            keeps=True,
        )

    def _started(self, id: JobId) -> None:
        live = self._live.get(id)
        if live is not None:
            self._say(live.order, dyno_lines.changed("starting", "up"))
            self._keep(live)

    def _output(self, id: JobId, lines: Sequence[str]) -> None:
        live = self._live.get(id)
        if live is not None:
            now_s, dyno = self._now_s(), live.order.dyno
            self._logs.append(live.order.app, [LogLine(now_s, "app", dyno, t) for t in lines])

    def _said_too_much(self, id: JobId, count: int) -> None:
        live = self._live.get(id)
        if live is not None:
            self._say(live.order, dyno_lines.lost(count))

    def _ended(self, id: JobId, running: Handle, ending: Ending) -> None:
        live = self._live.pop(id, None)
        line = self._ledger.line(id)
        if live is None or line is None:
            return
        if live.timer is not None:
            live.timer.cancel()
        facts = _told_end(live, line.facts, ending, self._now_s())
        if ending.failure:
            self._say(live.order, ending.failure)
        code = facts.exit.code if facts.exit is not None else None
        told = facts.exit.text if facts.exit is not None else "was lost"
        self._say_end(live.order, code, ending.failure or told)
        if facts.exit is not None:
            for text in dyno_lines.ended(facts.exit, live.order.spec):
                self._say(live.order, text)
            state = dyno_lines.job_state_after(facts.exit)
            self._say(live.order, dyno_lines.changed("up", state))
        self._enter(facts, live.order)
        self._something_ended.set()

    # --- records ------------------------------------------------------------------------------

    def _enter(self, facts: JobFacts, order: JobOrder) -> None:
        """What came of it. A full disk delays the telling and nothing else: until it is written
        down, what is left of the job tells it to a later supervisor."""
        try:
            self._ledger.enter(facts)
        except OSError as error:
            log.warning("job.end_not_written", extra={"job": facts.id, "why": error})
            self._loop.call_later(AGAIN_S, self._enter, facts, order)
            return
        self._tell(facts.app)
        self._launcher.clear(order)

    def _tell_again(self, id: JobId) -> None:
        """Of one that ended. One whose end could not be written down yet is told when it is; who is
        told of it before that asks again at once, for ever."""
        line = self._ledger.line(id)
        if line is not None and line.facts.state != "running":
            self._asked_s[id] = self._now_s()
            self._tell(line.facts.app)

    def _say(self, order: JobOrder, text: str) -> None:
        self._logs.append(order.app, [LogLine(self._now_s(), "heroku", order.dyno, text)])


def _told_end(live: Live, facts: JobFacts, ending: Ending, now_s: float) -> JobFacts:
    """Of one adopted that left no code, nobody can tell whether it came to its end."""
    facts = replace(facts, ended_at_s=now_s)
    if live.adopted and not ending.known and not live.watch.killed and not ending.failure:
        return replace(facts, state="lost")
    asked = live.watch.stop_at_s is not None
    exit = Exit(ending.code, now_s, ending.oom, expected=asked, timed_out=live.watch.late)
    said = (*live.running.last_lines, *filter(None, (ending.failure,)))
    return replace(facts, state="ended", exit=exit, last_lines=said)


def _shifted(watch: JobWatch, by_s: float) -> JobWatch:
    return replace(
        watch,
        started_at_s=watch.started_at_s + by_s,
        stop_at_s=None if watch.stop_at_s is None else watch.stop_at_s + by_s,
        away_at_s=None if watch.away_at_s is None else watch.away_at_s + by_s,
    )
