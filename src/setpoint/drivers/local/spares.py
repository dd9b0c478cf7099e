"""Processes that wait inside their app's sandbox, ready but for the function they will run.

Each becomes one function's instance, once and for good, and another gets ready in its place: how
many and when, `planning.pooling` says. What a start cannot take from here is started fresh.
`workers/node_function` runs inside.
"""

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import msgspec

from setpoint.drivers.local import sandbox
from setpoint.drivers.local.ground import Ground
from setpoint.drivers.local.houses import Houses
from setpoint.drivers.local.names import SpareName
from setpoint.drivers.local.recipe import LISTENER_FD, recipe, spare_recipe
from setpoint.drivers.local.records import Files
from setpoint.drivers.local.running import Running
from setpoint.drivers.local.sandbox import Identity, Launch
from setpoint.drivers.local.zygotes import network
from setpoint.model.errors import DriverError, Transient
from setpoint.model.ids import AppId, Digest
from setpoint.model.process import ProcessSpec, SetOrder
from setpoint.model.release import NODEJS
from setpoint.planning.forking import READ_BELOW_NODE, fresh_because
from setpoint.planning.pooling import Pool, balance

log = logging.getLogger("setpoint.supervisor")
ANSWER_S_MAX = 5.0
"""To take an order; it is killed then, and the instance started fresh."""
WARM_S_MAX = 60.0
REPORT_BYTES_MAX = 1 << 16


class Kind(NamedTuple):
    """Whose instances one can become: the same walls, code, packages and limits."""

    app: AppId
    code: Digest
    layer: Digest | None
    python: str
    memory_bytes_max: int
    pids_max: int
    cpu_weight: int

    @staticmethod
    def of(app: AppId, spec: ProcessSpec) -> "Kind":
        limits = (spec.memory_bytes_max, spec.pids_max, spec.cpu_weight)
        return Kind(app, spec.code, spec.layer, spec.python, *limits)


class Report(msgspec.Struct, frozen=True):
    """What one tells once it is ready: the variables that were looked at by then."""

    touched: tuple[str, ...]


class Spare:
    """`told`: its report, None until then. `network`: the namespace it lives in; `footing`: the
    folders of its layers."""

    def __init__(
        self, house: Running, control: socket.socket, launch: Launch, footing: tuple[int, ...]
    ) -> None:
        self.house = house
        self.control = control
        self.before = dict(launch.env)
        self.network = network(launch)
        self.footing = footing
        self.told: Report | None = None

    def close(self) -> None:
        """Nobody's for good: it ends by itself."""
        asyncio.get_running_loop().remove_reader(self.control)
        self.control.close()


@dataclass
class Stock:
    """All of one kind. `spec`: one of the specifications it is for."""

    spec: ProcessSpec
    used_s: float
    spares: list[Spare] = field(default_factory=list[Spare])
    failed_s: float | None = None


@dataclass(frozen=True)
class Becoming:
    """A start under way, of one that was running already."""

    house: Running
    told: socket.socket
    spec: Launch
    houses: Houses[Running]

    @property
    def fd(self) -> int:
        return self.told.fileno()

    def finish(self) -> Identity:
        """Raises Transient: it has ended, or did not listen."""
        with self.told:
            if self.told.recv(REPORT_BYTES_MAX) and self.house in self.houses:
                self.houses.forget(self.house)
                return self.house.hand_over()
        self.house.kill()
        self.spec.status.unlink(missing_ok=True)  # a fresh start has its own
        raise Transient(f"cannot start {self.spec.name} from one that waits: that one has ended")


class Spares:
    """`bytes_max`: what all of them may take together; the least recently used go first."""

    def __init__(self, ground: Ground, new_token: Callable[[], str], bytes_max: int) -> None:
        self._ground = ground
        self._new_token = new_token
        self._bytes_max = bytes_max
        self._loop = asyncio.get_running_loop()
        self._stocks: dict[Kind, Stock] = {}
        self._houses = Houses(ground, Running)
        self._taken_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False

    # --- taking -------------------------------------------------------------------------------

    def proven(self, order: SetOrder) -> None:
        """An instance of it got ready: from now on some wait for the next."""
        if self._may_wait(order.spec):
            self._stock(order).used_s = self._loop.time()
            self._rebalance()

    def take(
        self, order: SetOrder, environment: Mapping[str, str], dyno: str, files: Files
    ) -> Spare | str:
        """One that is the caller's from now on, and writes to its `files`; or why there is none,
        '' where nobody expects one. Raises OSError."""
        stock = self._stocks.get(Kind.of(order.key.app, order.spec))
        if stock is None or not self._may_wait(order.spec):
            return ""
        stock.used_s = self._taken_s = self._loop.time()
        self._rebalance()
        self._drop_displaced(stock)
        spare = next((spare for spare in stock.spares if spare.told is not None), None)
        if spare is None or spare.told is None:
            return "none waits that is ready"
        layers, inside = self._ground.layers, self._ground.confinement.inside
        wanted = recipe(order.spec, environment, dyno, 0, layers, inside).env
        why = fresh_because(spare.told.touched, spare.before, wanted, READ_BELOW_NODE)
        if why:
            return why
        spare.house.files.move_to(files)
        stock.spares.remove(spare)
        self._loop.remove_reader(spare.control)
        return spare

    def _drop_displaced(self, stock: Stock) -> None:
        """Their layers were laid anew, and they would run what was there before."""
        here = self._ground.footing(stock.spec)
        for spare in [spare for spare in stock.spares if spare.footing != here]:
            stock.spares.remove(spare)
            spare.close()

    def become(self, spare: Spare, launch: Launch) -> Becoming | str:
        """A start under way, or why not. `launch`: as for a fresh start."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        try:
            with spare.control, theirs:
                if spare.network != network(launch):
                    raise OSError(0, "the app's network was made anew since it waits")
                _send(spare.control, launch, theirs)
        except OSError as error:
            ours.close()
            spare.house.kill()
            return error.strerror or str(error)
        becoming = Becoming(spare.house, ours, launch, self._houses)
        self._loop.call_later(ANSWER_S_MAX, self._expect, becoming)
        return becoming

    def _expect(self, becoming: Becoming) -> None:
        if becoming.fd >= 0:
            log.warning("spare.stuck", extra={"spare": becoming.house.id})
            becoming.house.kill()

    # --- their lives --------------------------------------------------------------------------

    def keep(self, kinds: Iterable[Kind]) -> None:
        """Of all others nobody will want one."""
        wanted = frozenset(kinds)
        for kind in [kind for kind in self._stocks if kind not in wanted]:
            for spare in self._stocks.pop(kind).spares:
                spare.close()

    def adopt(self, app: AppId, name: SpareName, identity: Identity) -> None:
        """An earlier supervisor's, and nobody's: only its end is awaited."""
        self._houses.adopt(app, name, identity).kill()

    def check_unused(self, app: AppId) -> None:
        """Raises Transient while a sandbox of theirs is left, and ends it."""
        self.keep(kind for kind in self._stocks if kind.app != app)
        self._houses.check_unused(app, "waits for its functions")

    async def stop(self) -> None:
        """All of them, for good."""
        self._stopped = True
        self.keep(())
        await self._houses.end()

    def _may_wait(self, spec: ProcessSpec) -> bool:
        node = spec.kind == "function" and spec.runtime == NODEJS
        return node and self._ground.confinement.hides and not self._stopped

    def _stock(self, order: SetOrder) -> Stock:
        kind = Kind.of(order.key.app, order.spec)
        return self._stocks.setdefault(kind, Stock(order.spec, self._loop.time()))

    def _rebalance(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        pools = [
            Pool(kind, stock.used_s, len(stock.spares), stock.failed_s)
            for kind, stock in self._stocks.items()
        ]
        spares = [spare for stock in self._stocks.values() for spare in stock.spares]
        coming = any(spare.told is None for spare in spares)
        now_s = self._loop.time()
        next = balance(pools, self._bytes_max, self._taken_s, coming, now_s)
        for kind, stock in self._stocks.items():
            if kind in next.drop:
                stock.spares.pop().close()
            if kind == next.begin:
                self._start(kind, stock)
        if next.look_again_s is not None:
            self._timer = self._loop.call_later(next.look_again_s, self._rebalance)

    def _start(self, kind: Kind, stock: Stock) -> None:
        """What goes wrong here costs speed, and nothing else."""
        name = SpareName(self._new_token())
        files = Files(self._ground.paths.instances, kind.app, name)
        footing = self._ground.footing(stock.spec)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        house = self._houses.new(kind.app, name, files, sandbox.open_output(files.output))
        with theirs:
            try:
                launch = self._launch(kind, name, stock.spec, files, theirs.fileno())
                house.begun(sandbox.begin(self._ground.confinement, launch))
            except (DriverError, OSError) as error:
                log.warning("spare.not_started", extra={"app": kind.app, "why": str(error)})
                ours.close()
                self._houses.forget(house)
                house.abandon()
                stock.failed_s = self._loop.time()
                return
        spare = Spare(house, ours, launch, footing)
        stock.spares.append(spare)
        self._loop.add_reader(ours, self._hear, stock, spare)
        self._loop.call_later(WARM_S_MAX, self._expect_warm, spare)

    def _launch(
        self, kind: Kind, name: SpareName, spec: ProcessSpec, files: Files, control: int
    ) -> Launch:
        ground = self._ground
        cooked = spare_recipe(spec, ground.layers, ground.confinement.inside)
        return replace(
            ground.launch(kind.app, name, spec, {}, 0, files),
            argv=cooked.argv,
            env=cooked.env,
            cwd=cooked.cwd,
            binds=cooked.binds,
            fds={control: LISTENER_FD},
        )

    def _expect_warm(self, spare: Spare) -> None:
        if spare.told is None:
            spare.house.kill()

    def _hear(self, stock: Stock, spare: Spare) -> None:
        """Its report, and later its end."""
        try:
            spare.told = msgspec.json.decode(spare.control.recv(REPORT_BYTES_MAX), type=Report)
        except (OSError, msgspec.MsgspecError):
            if spare.told is None:
                stock.failed_s = self._loop.time()
            stock.spares.remove(spare)
            spare.close()
            spare.house.kill()
        else:
            log.info("spare.ready", extra={"spare": spare.house.id, "app": spare.house.app})
        self._rebalance()


def _send(control: socket.socket, launch: Launch, report: socket.socket) -> None:
    """The order a worker takes, as `workers/node_function/accept.py` reads it."""
    argv = launch.argv[launch.argv.index("--fd") :]
    text = json.dumps({"argv": argv, "env": dict(launch.env), "cwd": launch.cwd}).encode()
    by_number = {number: fd for fd, number in launch.fds.items()}
    with contextlib.ExitStack() as opened:
        fds = [sandbox.memory_file(text, opened), *(by_number[n] for n in sorted(by_number))]
        socket.send_fds(control, [b"become"], [*fds, report.fileno()])
