"""Carries a script out, line by line, through the doors that everybody uses."""

import asyncio
import itertools
from collections.abc import Mapping
from hashlib import sha256
from typing import assert_never

import msgspec

from setpoint.intents import (
    apps,
    config,
    deploys,
    formation,
    jobs,
    restarts,
    rollbacks,
    upkeep,
)
from setpoint.intents.door import Door
from setpoint.intents.formation import FormationUpdate
from setpoint.model.app import Formation, ProcessKind, Unit
from setpoint.model.capability import Capabilities
from setpoint.model.change import Actor, Asked
from setpoint.model.errors import Invalid, NotFound, Refused, SetpointError
from setpoint.model.ids import AppId, Digest
from setpoint.model.job import CronJob, JobOrder
from setpoint.model.release import ProcessType
from setpoint.planning import answers, explain
from setpoint.testing.job_handles import usual_fate
from setpoint.testing.machine import Proc
from setpoint.testing.programs import FOR_EVER_S, WEB, Program, learn
from setpoint.testing.rehearsal import acts
from setpoint.testing.rehearsal.acts import Act
from setpoint.testing.rehearsal.ear import Ear, cast_store, dyno_of
from setpoint.testing.rehearsal.looks import Looks, draft_lines
from setpoint.testing.rehearsal.script import Line
from setpoint.testing.rehearsal.stage import Stage, Trap
from setpoint.testing.rehearsal.words import nearest, quoted
from setpoint.views import fields, plans, why

YOU = Actor("you", "you")
QUIET_S = 35.0
"""Longer than the loop's period: everything was looked at once more, and nothing was left to do."""
LOOK_S = 1.0


class Down(SetpointError):
    """Nobody answers at the door."""


class Director:
    """`unsettled`: how many `settle`s ended before everything was."""

    def __init__(self, stage: Stage, ear: Ear) -> None:
        self._stage = stage
        self._ear = ear
        self._tell = ear.tell
        self._ids = itertools.count(1)
        self._sources = itertools.count(1)
        self._commands: dict[str, tuple[float | None, int]] = {}
        self._looks = Looks(stage)
        self.unsettled = 0
        self._door = Door(cast_store(stage.store), stage.wake, self._new_id, self._new_id)
        stage.supervisor.job_fate = self._fate

    async def play(self, lines: tuple[Line, ...]) -> None:
        await self._let_happen()
        for line in lines:
            self._tell("asked", "", line.shown, line=line.number)
            if line.act is None:
                continue
            try:
                await self._carry_out(line.act)
            except (Refused, Down) as error:
                hint = (error.hint,) if error.hint else ()
                self._tell("refused", "", f"refused: {error.message}", *hint)
            await self._let_happen()
            self._ear.check()
        self._tell("asked", "", "in the end")
        self._tell("answer", "", *self._looks.status(""))

    async def _let_happen(self) -> None:
        """What follows at once is told under the line that it follows from."""
        await asyncio.sleep(0.001)

    async def _carry_out(self, act: Act) -> None:
        match act:
            case acts.Wait():
                await asyncio.sleep(act.for_s)
            case acts.Settle():
                await self._settle(act.within_s)
            case acts.Request():
                self._request(act)
            case acts.Plan() | acts.Why() | acts.Status() | acts.Jobs():
                await self._answer(act)
            case _:
                if isinstance(act, acts.Fault):
                    self._befall(act)
                else:
                    await self._change(act)

    # --- somebody asks ----------------------------------------------------------------------

    async def _change(self, act: acts.Change) -> None:
        if self._stage.life is None:
            raise Down("cannot reach Setpoint: the daemon is down")
        known = len(self._stage.store.told)
        await self._ask(act, Asked(YOU, "cli", self._stage.wall_s))
        for told in self._stage.store.told[known:]:
            change, app = told.change, self._ear.name(AppId(told.unit))
            self._tell(
                "changed", app, f"{change.label} {change.summary}",
                change=change.seq, generation=told.generation, summary=change.summary,
            )  # fmt: skip

    async def _ask(self, act: acts.Change, asked: Asked) -> None:
        door = self._door
        match act:
            case acts.Create():
                await apps.create(door, asked, act.app)
            case acts.Deploy():
                await self._deploy(act, asked)
            case acts.Config():
                await config.patch(door, asked, act.app, act.values)
            case acts.Scale():
                await formation.scale(door, asked, act.app, [_update(s) for s in act.sizes])
            case acts.Rollback():
                await rollbacks.roll_back(door, asked, act.app, act.version)
            case acts.Restart():
                await restarts.restart(door, asked, act.app, act.process)
            case acts.Rename():
                await apps.update(door, asked, act.app, new_name=act.name)
            case acts.Maintenance():
                await apps.update(door, asked, act.app, maintenance=act.on)
            case acts.Keep():
                await upkeep.keep(door, asked, act.app, act.mode, act.until)
            case acts.Destroy():
                await apps.destroy(door, asked, act.app, act.app)
            case acts.Run():
                await self._run(act, asked)
            case acts.Stop():
                job = await jobs.stop(door, asked, act.app, act.dyno)
                self._tell("changed", act.app, f"{job.dyno} is to stop", dyno=job.dyno)
            case _:
                assert_never(act)

    async def _deploy(self, act: acts.Deploy, asked: Asked) -> None:
        """As `setpoint deploy` does: the app is created the first time."""
        if await self._stage.store.unit_named(act.app) is None:
            await apps.create(self._door, asked, act.app)
        label = f"source-{next(self._sources)}"
        program = learn(_program(act, label, act.types or self._types(act.app)))
        await self._stage.store.record_source(program.digest, 0, asked.at_s)
        await deploys.deploy(self._door, asked, act.app, program.digest, label)

    def _types(self, app: str) -> tuple[ProcessType, ...]:
        """What it had before."""
        unit = self._stage.named(app)
        rows = self._stage.store.rows.releases.get(unit.id, ()) if unit is not None else ()
        return rows[0].slug.processes if rows else (WEB,)

    async def _run(self, act: acts.Run, asked: Asked) -> None:
        self._commands[act.command] = (act.lasts_s, act.code)
        job = await jobs.run(self._door, asked, act.app, jobs.Wish(act.command))
        self._tell("changed", act.app, f"{job.dyno} is to run", dyno=job.dyno)

    def _fate(self, order: JobOrder) -> tuple[float | None, int]:
        """A command does as its line said; the same one again, as its last."""
        if order.spec.process == "release":
            return usual_fate(order)
        return self._commands.get(order.spec.command, (3.0, 0))

    def _new_id(self) -> str:
        return f"{next(self._ids):08x}-rehearsed"

    # --- something happens --------------------------------------------------------------------

    def _request(self, act: acts.Request) -> None:
        unit = self._unit(act.app)
        edge = self._stage.edge
        taken = sum(edge.request(unit.id, act.process) for _ in range(act.times))
        told = f"{taken} of {act.times} requests for {act.process} are answered or held"
        self._tell("world", act.app, told, asked=act.times, taken=taken)

    def _befall(self, act: acts.Fault) -> None:
        stage = self._stage
        match act:
            case acts.DaemonDies(down_s=down_s, moment="now"):
                stage.kill_daemon(down_s)
            case acts.DaemonDies():
                how = "before" if act.moment == "before" else "after"
                stage.traps.append(Trap(act.verb, how, down_s=act.down_s))
            case acts.SupervisorDies():
                stage.kill_supervisor(act.down_s)
            case acts.EdgeAway():
                stage.take_edge(act.down_s)
            case acts.Reboot():
                stage.reboot()
            case acts.ClockJumps():
                stage.set_clock(stage.machine.clock_ahead_s + act.by_s)
                self._tell("world", "", f"the clock jumps {_by(act.by_s)}, and timers do not")
            case acts.Mishap():
                stage.traps.append(Trap(act.verb, act.how, act.times, act.slow_s))
            case acts.StaleReads():
                stage.read_stale(act.share)
            case acts.Kill():
                stage.machine.end(self._process(act).id, 137)
            case acts.Unroute():
                stage.edge.lose(self._unit(act.app).id)
                self._tell("world", act.app, "somebody took its routes away")
            case acts.Heal():
                stage.heal()
            case acts.Offer():
                self._offer(act.fields)
            case _:
                assert_never(act)

    def _unit(self, name: str) -> Unit:
        unit = self._stage.named(name)
        if unit is None:
            raise NotFound(f"cannot find {quoted(name)}: there is no such app in this rehearsal")
        return unit

    def _process(self, act: acts.Kill) -> Proc:
        unit, stage = self._unit(act.app), self._stage
        mine = [
            i for k, s in stage.supervisor.slots.items() if k.app == unit.id for i in s.instances
        ]
        found = next((id for id in mine if dyno_of(id) == act.dyno), None)
        if found is None or found not in stage.machine.procs:
            running = ", ".join(sorted(dyno_of(id) for id in mine)) or "nothing"
            raise NotFound(
                f"cannot kill {quoted(act.dyno)} of '{act.app}': it does not run",
                f"runs: {running}",
            )
        return stage.machine.procs[found]

    def _offer(self, fields: Mapping[str, str]) -> None:
        supervisor = self._stage.supervisor
        known = list(Capabilities.__struct_fields__)
        told = msgspec.structs.asdict(supervisor.capabilities)
        for name, value in fields.items():
            if name not in known:
                raise Invalid(f"cannot offer {quoted(name)}: no capability", nearest(name, known))
            if value.startswith("-"):
                raise Invalid(f"cannot offer {quoted(value)} of {name}: that is less than nothing")
            told[name] = value
        try:
            supervisor.capabilities = msgspec.convert(told, Capabilities, strict=False)
        except msgspec.ValidationError as error:
            raise Invalid(f"cannot offer that: {error}") from None
        offered = ", ".join(f"{name} {value}" for name, value in fields.items())
        self._tell("world", "", f"the machine offers {offered}; it is seen within a period")

    # --- time and questions -------------------------------------------------------------------

    async def _settle(self, within_s: float) -> None:
        began_s, limit_s = self._tell.now_s(), self._tell.now_s() + within_s
        quiet_s = min(QUIET_S, within_s)
        while self._tell.now_s() < limit_s:
            await asyncio.sleep(LOOK_S)
            quiet = self._tell.now_s() - max(began_s, self._tell.last_s) >= quiet_s
            if quiet and not self._stage.away and not self._busy():
                took_s = max(0.0, self._tell.last_s - began_s)
                self._tell("settled", "", f"settled after {took_s:.1f} s", took_s=took_s)
                return
        self.unsettled += 1
        self._tell("unsettled", "", f"not settled within {within_s:g} s", *self._looks.waiting())

    def _busy(self) -> bool:
        stage = self._stage
        return any(stage.progressing(unit) for unit in stage.store.rows.units.values())

    async def _answer(self, act: acts.Question) -> None:
        match act:
            case acts.Plan():
                lines = await self._planned(act)
            case acts.Why():
                lines = await self._why(act)
            case acts.Status():
                lines = self._looks.status(self._unit(act.app).name if act.app else "")
            case acts.Jobs():
                lines = self._looks.jobs(self._unit(act.app))
            case _:
                assert_never(act)
        self._tell("answer", "", *lines)

    async def _why(self, act: acts.Why) -> tuple[str, ...]:
        store = cast_store(self._stage.store)
        if act.path:
            told = await fields.answer(
                store,
                YOU,
                act.app,
                act.path,
                self._stage.supervisor.capabilities,
                self._stage.wall_s,
            )
            if isinstance(told, tuple):
                return answers.fields(act.app, told)
            return answers.field(told, self._stage.wall_s)
        return explain.why(await why.story(store, YOU, act.app))

    async def _planned(self, act: acts.Plan) -> tuple[str, ...]:
        """By the planner on a draft, as `setpoint plan` asks for it."""
        unit, stage = self._unit(act.app), self._stage
        kinds: dict[str, ProcessKind] = {t.name: t.kind for t in self._types(act.app)}
        sizes = {
            s.process: _formation(
                unit.intent.formation_of(s.process, kinds.get(s.process) or "worker"), s
            )
            for s in act.sizes
        }
        drafted = await plans.draft(
            cast_store(stage.store),
            YOU,
            act.app,
            plans.Edits(formation=sizes),
            stage.supervisor.capabilities,
            stage.wall_s,
        )
        return draft_lines(drafted)


def _program(act: acts.Deploy, label: str, types: tuple[ProcessType, ...]) -> Program:
    """Made of what its line says; another line, another source."""
    digest = sha256(
        msgspec.json.encode((label, act.app, types, msgspec.to_builtins(act)))
    ).hexdigest()
    phased = any(t.kind == "release" for t in types)
    return Program(
        Digest(digest),
        processes=types,
        build_s=act.build_s,
        builds=act.builds,
        boot_s=act.boot_s,
        fate=act.fate,
        errs_s=FOR_EVER_S if act.errs else 0.0,
        release=act.release if phased else "none",
        schedule=(CronJob(act.schedule, "tick"),) if act.schedule else (),
    )


def _by(seconds: float) -> str:
    return f"{abs(seconds):g} s {'back' if seconds < 0 else 'ahead'}"


def _update(size: acts.Size) -> FormationUpdate:
    return FormationUpdate(
        size.process, size.min, size.max, size.size, size.idle_s, size.boot_s_max
    )


def _formation(before: Formation, size: acts.Size) -> Formation:
    if not (isinstance(size.min, int) and isinstance(size.max, int)):
        raise Invalid(f"cannot plan {size.process}={size.max}: that is not a whole number")
    return msgspec.structs.replace(before, min=size.min, max=size.max)
