"""The processes that functions are forked from: for each app one per code, packages and Python.

One is started when a function got ready the long way, with what that one had imported by then. What
cannot be forked is told why, and started fresh. `workers/python_function/zygote.py` runs inside.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import msgspec

from setpoint.drivers.local import sandbox
from setpoint.drivers.local.ground import Ground
from setpoint.drivers.local.houses import Houses
from setpoint.drivers.local.imports import Imports, Kin, Recorded
from setpoint.drivers.local.names import ZygoteName
from setpoint.drivers.local.recipe import LISTENER_FD, zygote_recipe
from setpoint.drivers.local.records import Files
from setpoint.drivers.local.running import Running
from setpoint.drivers.local.sandbox import Forking, Identity, Launch
from setpoint.model.errors import DriverError, Transient
from setpoint.model.ids import AppId
from setpoint.model.process import ProcessSpec, SetOrder
from setpoint.model.release import PYTHON
from setpoint.planning.forking import fresh_because

log = logging.getLogger("setpoint.supervisor")
AGE_S_MAX = 12 * 3600.0
"""All that is forked from one process shares the seed of its hashes and its addresses."""
FORKS_AT_ONCE = 8
"""of one zygote, which forks one after the other: its queue of orders has an end"""
SCOUT_S_MAX = 3.0
"""how long others wait for the first of their kind to tell what to fork them from"""
FORK_S_MAX = 5.0
"""One that takes longer is stuck; it is killed, and the instance started fresh."""
REPORT_BYTES_MAX = 1 << 16
MODULES_MAX = 4000
PRELOAD_BYTES_MAX = 100_000


class Imported(msgspec.Struct, frozen=True):
    """What an instance tells as it gets ready. `safe`: its project does not object to forks."""

    modules: tuple[str, ...]
    safe: bool


class Report(msgspec.Struct, frozen=True):
    """What a zygote tells once it has imported everything."""

    refusal: str
    touched: tuple[str, ...]


class House(Running):
    """The sandbox a zygote lives in. It lasts until the last that was forked in it has ended."""

    def watch_end(self, identity: Identity) -> None:
        with contextlib.suppress(ProcessLookupError):
            return self.when_readable(os.pidfd_open(identity.inner_pid), self.gone)
        return self.gone()


class Zygote:
    """`told`: its report, None until then. `control`: None once it forks no more. `network`: the
    namespace it lives in; `footing`: the folders of its layers."""

    def __init__(
        self, house: House, control: socket.socket, launch: Launch, footing: tuple[int, ...]
    ) -> None:
        self.house = house
        self.control: socket.socket | None = control
        self.before = dict(launch.env)
        self.network = network(launch)
        self.footing = footing
        self.told: Report | None = None
        self.used_s = 0.0

    def retire(self) -> None:
        """It lives on for as long as something forked from it does."""
        if self.control is not None:
            asyncio.get_running_loop().remove_reader(self.control)
            self.control.close()
            self.control = None


@dataclass
class Family:
    """What is known of one kind of processes. `refusal`: why none of them can be forked.

    `scouted_s`: when one was last started the long way, so that the others can be forked.
    `queue`: starts that wait for that, or for their turn.
    """

    modules: dict[str, None] = field(default_factory=dict[str, None])
    unsafe: set[str] = field(default_factory=set[str])
    asked: frozenset[str] = frozenset()
    zygote: Zygote | None = None
    refusal: str = ""
    scouted_s: float = -SCOUT_S_MAX
    forking: int = 0
    queue: deque[Callable[[], None]] = field(default_factory=deque[Callable[[], None]])

    @property
    def serves(self) -> bool:
        zygote = self.zygote
        return zygote is not None and zygote.told is not None and zygote.control is not None

    @property
    def recorded(self) -> Recorded:
        return Recorded(tuple(self.modules), tuple(sorted(self.unsafe)))


class Zygotes:
    """`bytes_max`: what they may take together; the least recently used goes first."""

    def __init__(
        self, ground: Ground, imports: Imports, new_token: Callable[[], str], bytes_max: int
    ) -> None:
        self._ground = ground
        self._imports = imports
        self._awaited: list[SetOrder] = []
        self._new_token = new_token
        self._bytes_max = bytes_max
        self._loop = asyncio.get_running_loop()
        self._families: dict[Kin, Family] = {}
        self._houses = Houses(ground, House)
        self._stopped = False
        self.evicted: Callable[[str], None] = lambda _: None
        """told why one that could still fork is ended"""
        confinement = ground.confinement
        self._possible = confinement.hides and confinement.cgroups is not None

    # --- what instances tell ------------------------------------------------------------------

    def imported(self, order: SetOrder, said: bytes) -> None:
        """A line that an app wrote: what cannot be read is nothing."""
        with contextlib.suppress(msgspec.MsgspecError):
            told = msgspec.json.decode(said, type=Imported)
            family = self._family(order)
            before = family.recorded
            family.modules.update(dict.fromkeys(told.modules))
            for name in list(family.modules)[MODULES_MAX:]:
                del family.modules[name]
            (family.unsafe.discard if told.safe else family.unsafe.add)(order.key.process)
            if family.recorded != before:
                self._imports.keep(Kin.of(order.key.app, order.spec), family.recorded)

    def proven(self, order: SetOrder) -> None:
        """An instance of it got ready: the next ones may be forked."""
        family = self._family(order)
        wanted = frozenset(family.modules)
        missing = family.zygote is None or not wanted <= family.asked
        safe = order.key.process not in family.unsafe
        if self.may_fork(order.spec) and safe and wanted and missing and not family.refusal:
            self._start(Kin.of(order.key.app, order.spec), family, order.spec)

    def resume(self, orders: Iterable[SetOrder]) -> None:
        """Of what an earlier supervisor forked from: one after the other, for as long as there is
        memory for them."""
        self._awaited = list(orders)
        self._resume_next()

    def _resume_next(self) -> None:
        while self._awaited and self._bytes_left() > 0:
            order = self._awaited.pop(0)
            if not self.may_fork(order.spec):
                continue
            self.proven(order)
            if self._family(order).zygote is not None:
                return

    # --- forking ------------------------------------------------------------------------------

    def may_fork(self, spec: ProcessSpec) -> bool:
        """Is it of a kind that can be forked here?"""
        python = spec.kind == "function" and spec.runtime in ("", PYTHON)
        return self._possible and python and not self._stopped

    def queue(self, order: SetOrder, called: bool, start: Callable[[], None]) -> bool:
        """Is it better for this start to wait? Then `start` is called, in some seconds at most.

        `called`: somebody waits for it. Otherwise it only has to prove itself, and of many such
        one goes the long way, for the others to be forked."""
        family = self._family(order)
        barred = bool(family.refusal) or order.key.process in family.unsafe
        if barred or not self.may_fork(order.spec):
            return False
        if family.serves:
            waits = family.forking >= FORKS_AT_ONCE
        else:
            waits = not called and self._loop.time() < family.scouted_s + SCOUT_S_MAX
        if waits:
            family.queue.append(start)
            if len(family.queue) == 1:
                self._loop.call_later(SCOUT_S_MAX, self._hurry, family)
        elif not family.serves:
            family.scouted_s = self._loop.time()
        return waits

    def _next(self, family: Family, *, regardless: bool = False) -> None:
        """Whose turn it is. `regardless`: also without anything to fork them from."""
        while family.queue and (family.serves or family.refusal or regardless):
            if family.serves and family.forking >= FORKS_AT_ONCE:
                return
            family.queue.popleft()()

    def _hurry(self, family: Family) -> None:
        """Nobody waits for long for what does not come."""
        self._next(family, regardless=True)
        if family.queue:
            self._loop.call_later(SCOUT_S_MAX, self._hurry, family)

    def fork(self, order: SetOrder, launch: Launch) -> Forking | str:
        """A start under way, or why there is none; '' where nobody expects one."""
        family = self._family(order)
        if order.key.process in family.unsafe:
            return "its project.toml says fork-safe = false"
        if family.refusal:
            return family.refusal
        zygote = family.zygote
        if zygote is None or zygote.told is None or zygote.control is None:
            return ""
        here = network(launch), self._ground.footing(order.spec)
        if here != (zygote.network, zygote.footing):  # made anew, and this one is left in the old
            self._retire(family)
            return ""
        why = fresh_because(zygote.told.touched, zygote.before, launch.env)
        if why:
            return why
        return self._fork(family, zygote, launch)

    def _fork(self, family: Family, zygote: Zygote, launch: Launch) -> Forking | str:
        assert zygote.control is not None
        worker = len(launch.argv) - launch.argv[::-1].index("--fd") - 1

        def over() -> None:
            family.forking -= 1
            self._next(family)

        try:
            forking = sandbox.begin_fork(
                self._ground.confinement, launch, launch.argv[worker:], zygote.control, over
            )
        except Transient as error:
            return str(error)
        family.forking += 1
        zygote.used_s = self._loop.time()
        self._loop.call_later(FORK_S_MAX, self._expect, zygote, forking)
        return forking

    def _expect(self, zygote: Zygote, forking: Forking) -> None:
        identity = zygote.house.identity
        if forking.fd >= 0 and identity is not None:
            log.warning("zygote.stuck", extra={"zygote": zygote.house.id})
            sandbox.terminate(self._ground.confinement, identity, signal.SIGKILL)

    # --- their lives --------------------------------------------------------------------------

    def keep(self, kinds: Iterable[Kin]) -> None:
        """Of all others there is nothing left to fork."""
        wanted = frozenset(kinds)
        for kin in [k for k in self._families if k not in wanted]:
            if self._families[kin].zygote is not None:
                self.evicted("unwanted")
            self._retire(self._families.pop(kin))
        self._imports.retain(wanted)

    def adopt(self, app: AppId, name: ZygoteName, identity: Identity) -> None:
        """An earlier supervisor's: it forks for nobody any more, and ends with its children."""
        self._houses.adopt(app, name, identity)

    def check_unused(self, app: AppId) -> None:
        """Raises Transient while a sandbox of theirs is left, and ends it."""
        self._houses.check_unused(app, "forked its functions")

    async def stop(self) -> None:
        """All of them, for good."""
        self._stopped = True
        self.keep(())
        await self._houses.end()

    def _family(self, order: SetOrder) -> Family:
        kin = Kin.of(order.key.app, order.spec)
        if kin not in self._families:
            known = self._imports.load(kin)
            self._families[kin] = Family(dict.fromkeys(known.modules), set(known.unsafe))
        return self._families[kin]

    def _start(self, kin: Kin, family: Family, spec: ProcessSpec) -> None:
        """What goes wrong here costs speed, and nothing else."""
        self._retire(family)
        family.asked = frozenset(family.modules)
        name = ZygoteName(self._new_token())
        files = Files(self._ground.paths.instances, kin.app, name)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        house = self._houses.new(kin.app, name, files, sandbox.open_output(files.output))
        footing = self._ground.footing(spec)
        ours.setblocking(False)
        with theirs:
            try:
                ours.send(json.dumps({"preload": _bounded(family.modules)}).encode())
                launch = self._launch(kin, name, spec, files, theirs.fileno())
                house.begun(sandbox.begin(self._ground.confinement, launch))
            except (DriverError, OSError) as error:
                log.warning("zygote.not_started", extra={"app": kin.app, "why": str(error)})
                ours.close()
                self._houses.forget(house)
                house.abandon()
                return
        family.zygote = zygote = Zygote(house, ours, launch, footing)
        zygote.used_s = self._loop.time()
        self._loop.add_reader(ours, self._hear, family, zygote)
        self._loop.call_later(AGE_S_MAX, self._renew, kin, zygote, spec)

    def _launch(
        self, kin: Kin, name: ZygoteName, spec: ProcessSpec, files: Files, control: int
    ) -> Launch:
        ground = self._ground
        cooked = zygote_recipe(spec, ground.layers, ground.confinement.inside)
        return replace(
            ground.launch(kin.app, name, spec, {}, 0, files),
            argv=cooked.argv,
            env=cooked.env,
            cwd=cooked.cwd,
            binds=cooked.binds,
            fds={control: LISTENER_FD},
        )

    def _hear(self, family: Family, zygote: Zygote) -> None:
        """Its report, and later its end."""
        assert zygote.control is not None
        try:
            zygote.told = msgspec.json.decode(zygote.control.recv(REPORT_BYTES_MAX), type=Report)
        except (OSError, msgspec.MsgspecError):
            self._lose(family, zygote)
            self._next(family, regardless=True)
            self._resume_next()
            return
        family.refusal = zygote.told.refusal
        extra = {"zygote": zygote.house.id, "app": zygote.house.app, "refusal": family.refusal}
        log.info("zygote.ready", extra=extra)
        self._next(family)
        self._stay_within_budget()
        self._resume_next()

    def _lose(self, family: Family, zygote: Zygote) -> None:
        zygote.retire()
        if family.zygote is zygote:
            family.zygote = None

    def _retire(self, family: Family) -> None:
        if family.zygote is not None:
            self._lose(family, family.zygote)

    def _renew(self, kin: Kin, zygote: Zygote, spec: ProcessSpec) -> None:
        family = self._families.get(kin)
        if family is not None and family.zygote is zygote:
            self.evicted("age")
            self._start(kin, family, spec)

    def _stay_within_budget(self) -> None:
        alive = [f for f in self._families.values() if f.zygote is not None]
        alive.sort(key=lambda f: f.zygote.used_s if f.zygote else 0.0)
        used = {id(f): self._bytes_used(f) for f in alive}
        for family in alive[:-1]:
            if sum(used.values()) <= self._bytes_max:
                return
            del used[id(family)]
            self.evicted("memory")
            self._retire(family)

    def _bytes_left(self) -> int:
        return self._bytes_max - sum(map(self._bytes_used, self._families.values()))

    def _bytes_used(self, family: Family) -> int:
        groups = self._ground.confinement.cgroups
        if groups is None or family.zygote is None:
            return 0
        house = family.zygote.house
        return groups.memory_bytes_used(sandbox.folder_name(house.app, str(house.name)))


def network(launch: Launch) -> tuple[int, int]:
    """Which namespace that is; of none the same for all."""
    if launch.netns is None:
        return 0, 0
    found = os.stat(launch.netns)
    return found.st_dev, found.st_ino


def _bounded(modules: Iterable[str]) -> list[str]:
    """As many as one message carries."""
    taken: list[str] = []
    left = PRELOAD_BYTES_MAX
    for name in modules:
        left -= len(name) + 4
        if left < 0:
            break
        taken.append(name)
    return taken
