"""The supervisor's process: put together, adopt what runs, serve, and leave it running.

One event loop, no threads (it forks), and of third-party code msgspec alone. SIGTERM ends it and
nothing else: instances go on, and the next supervisor adopts them.
"""

import asyncio
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from setpoint import workers
from setpoint.drivers import clock
from setpoint.drivers.builders.stack import candidates, find_python
from setpoint.drivers.local import privileges, sandbox, uids
from setpoint.drivers.local.actlog import ActLog
from setpoint.drivers.local.adoption import Adoption
from setpoint.drivers.local.builds import Builds, Site
from setpoint.drivers.local.collecting import Collecting
from setpoint.drivers.local.control import ControlServer
from setpoint.drivers.local.errands import Shop
from setpoint.drivers.local.files import DiskFolder
from setpoint.drivers.local.ground import Ground
from setpoint.drivers.local.handovers import Handovers
from setpoint.drivers.local.hands import Hands
from setpoint.drivers.local.hub import Hub, app_changed
from setpoint.drivers.local.imports import Imports
from setpoint.drivers.local.inspections import Inspections
from setpoint.drivers.local.job_launching import JobLauncher
from setpoint.drivers.local.jobs import Jobs
from setpoint.drivers.local.lasting import Lasting
from setpoint.drivers.local.launching import Launcher
from setpoint.drivers.local.ledger import Ledger
from setpoint.drivers.local.logs import Logs
from setpoint.drivers.local.offers import Offers
from setpoint.drivers.local.orders import Orders
from setpoint.drivers.local.paths import Paths
from setpoint.drivers.local.recipe import Layers
from setpoint.drivers.local.remains import Remains
from setpoint.drivers.local.requests import Requests
from setpoint.drivers.local.rounds import Rounds
from setpoint.drivers.local.sandbox import Confinement, Forker
from setpoint.drivers.local.scales import Scales
from setpoint.drivers.local.shelf import Shelf
from setpoint.drivers.local.sockets import Sockets, room
from setpoint.drivers.local.spares import Spares
from setpoint.drivers.local.supervise import Supervisor
from setpoint.drivers.local.table import Table
from setpoint.drivers.local.tally import Tally
from setpoint.drivers.local.trees import Trees
from setpoint.drivers.local.ways_out import WaysOut
from setpoint.drivers.local.worker_files import install_worker
from setpoint.drivers.local.zygotes import Zygotes
from setpoint.formats.control import FactsChanged
from setpoint.formats.envoy.limits import FUNCTION_S_MAX, limits
from setpoint.model.errors import SetpointError
from setpoint.model.release import NODEJS, PYTHON
from setpoint.processes import inherit, oplog
from setpoint.processes.accounts import Accounts, accounts

log = logging.getLogger("setpoint.supervisor")
EX_CONFIG = 78
WORKERS = {PYTHON: "python_function", NODEJS: "node_function"}
"""folders of ours that run functions"""


def main() -> int:
    oplog.start()
    os.umask(0o022)
    paths = Paths(Path(os.environ["SETPOINT_DATA"]), Path(os.environ["SETPOINT_RUNTIME"]))
    listener = socket.socket(fileno=inherit.inherited()["control"])
    try:
        machine = look_around(paths)
    except SetpointError as error:
        inherit.say_fatal(str(error))
        return EX_CONFIG
    asyncio.run(serve(paths, machine, accounts(), listener))
    return 0


@dataclass(frozen=True)
class Machine:
    confinement: Confinement
    python: str
    offers: Offers
    workers: Mapping[str, Path]


def look_around(paths: Paths) -> Machine:
    """What there is to work with. Raises Terminal where no app could ever start."""
    confinement = sandbox.probe(paths.tools, paths.installation)
    forker = Forker(confinement.tools.forker, paths.runtime)
    confinement = replace(confinement, forker=forker)
    python = find_python(candidates(os.environ), shared=confinement.uids is not None)
    installed = {
        runtime: install_worker(Path(workers.__path__[0]) / folder, paths.tools, python)
        for runtime, folder in WORKERS.items()
    }
    return Machine(confinement, python, Offers(confinement, python, os.environ), installed)


async def serve(paths: Paths, machine: Machine, who: Accounts, listener: socket.socket) -> None:
    """Until SIGTERM."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    parts = assemble(paths, machine, who)
    adopted = parts.adoption.run(parts.supervisor)
    parts.builds.adopt()
    rounds = asyncio.create_task(parts.rounds.run())
    inspecting = asyncio.create_task(parts.inspections.run())
    server = await parts.door.start(listener)
    keeping = asyncio.create_task(parts.ways_out.keep())
    inherit.say_ready()
    log.info("supervisor.started", extra={"level": machine.confinement.level, "adopted": adopted})
    await stopped.wait()
    keeping.cancel()
    rounds.cancel()
    inspecting.cancel()
    server.close()
    parts.door.close_clients()
    parts.lasting.sync()
    log.info("supervisor.ended")


@dataclass(frozen=True)
class Parts:
    lasting: Lasting
    supervisor: Supervisor
    adoption: Adoption
    builds: Builds
    door: ControlServer
    ways_out: WaysOut
    rounds: Rounds
    inspections: Inspections


def assemble(paths: Paths, machine: Machine, who: Accounts) -> Parts:
    table, hub, kept = Table(), Hub(), clock.Clock()
    now_s = kept.now_s
    logs = Logs(paths.logs)
    acts = ActLog(DiskFolder(paths.runtime), now_s)
    loop = asyncio.get_running_loop()
    recent = DiskFolder(paths.fences)
    lasting = Lasting(DiskFolder(paths.supervisor), uids.APPS, recent, loop.call_later)
    orders = Orders(DiskFolder(paths.orders), kept)
    sockets = Sockets(paths.functions, Shelf(paths.keeper_socket), who.envoy, room())
    ground = _ground(paths, machine, who, lasting)
    zygotes = Zygotes(ground, Imports(paths.imports), _new_token, _eighth_of_memory())
    spares = Spares(ground, _new_token, _eighth_of_memory())
    tally = Tally()
    zygotes.evicted = tally.evicted
    launcher = Launcher(ground, table, zygotes, spares, tally, _new_token, kept)
    hands = Hands(launcher, logs, acts, now_s)
    supervisor = Supervisor(
        table,
        hands,
        orders,
        lasting,
        sockets,
        zygotes,
        spares,
        hub,
        kept,
        loop,
    )
    site, handovers = _site(paths, machine, who), Handovers(paths.builds, who.plane)
    shop = Shop(ground, machine.python, handovers, Trees(paths), _new_token)
    inspections = Inspections(ground, site, table, hands, supervisor, hub.tell_app, now_s)
    builds = Builds(site, shop, inspections.built, now_s)
    jobs = Jobs(
        JobLauncher(ground, launcher.port, Shelf(paths.keeper_socket), kept),
        Ledger(DiskFolder(paths.job_ledger), kept),
        logs,
        hub.tell_app,
        kept,
        loop,
    )
    requests = Requests(
        supervisor,
        jobs,
        builds,
        logs,
        acts,
        ground,
        machine.offers,
        Collecting(site, builds),
        tally,
        inspections,
        Scales(table, ground.confinement.cgroups),
    )
    snapshot = partial(_all_facts, supervisor, jobs)
    peers = _peers(who)
    door = ControlServer(requests.answer, snapshot, hub, logs, jobs.terminal, peers, now_s)
    remains = Remains(ground)
    adoption = Adoption(
        remains, lasting, table, orders, launcher, hands, jobs, zygotes, spares, kept, loop
    )
    rounds = Rounds(ground.ways_out, table, hands, supervisor, now_s)
    return Parts(lasting, supervisor, adoption, builds, door, ground.ways_out, rounds, inspections)


def _ground(paths: Paths, machine: Machine, who: Accounts, lasting: Lasting) -> Ground:
    paths.instances.mkdir(mode=0o700, parents=True, exist_ok=True)
    function_s = round(limits(os.environ).function_s) - 1
    told = None if function_s == FUNCTION_S_MAX else function_s
    layers = Layers(paths.layers, machine.workers, told)
    ways_out = WaysOut(machine.confinement, paths.runtime)
    return Ground(machine.confinement, paths, layers, lasting, who.app_first, ways_out)


def _all_facts(supervisor: Supervisor, jobs: Jobs) -> list[FactsChanged]:
    """All there is to tell to whoever begins to listen."""
    return [
        *(FactsChanged(f.key.app, f.key, f) for f in supervisor.facts()),
        *(app_changed(app) for app in {f.app for f in jobs.facts()}),
    ]


def _new_token() -> str:
    return secrets.token_hex(3)


def _eighth_of_memory() -> int:
    """Of the machine: for those that are forked, and as much for those that wait."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 8


def _site(paths: Paths, machine: Machine, who: Accounts) -> Site:
    account: dict[str, str] = {}
    if who.builder is not None and who.plane is not None:
        account = {privileges.UID: str(who.builder), privileges.GID: str(who.plane)}
    return Site(paths, machine.python, account, who.plane)


def _peers(who: Accounts) -> frozenset[int]:
    """Who may give orders: the plane, and whoever started it."""
    return frozenset({os.geteuid(), *(uid for uid in (who.daemon, who.edge) if uid is not None)})


if __name__ == "__main__":
    sys.exit(main())
