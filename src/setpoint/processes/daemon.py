"""The daemon: API, store and loop, put together. Apps do not notice when it is away."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import uvicorn

from setpoint import __version__
from setpoint.api import rendezvous
from setpoint.api.app import make_app
from setpoint.api.services import Installation, Services
from setpoint.converge.collector import Collector
from setpoint.converge.footing import Footing
from setpoint.converge.happened import Place
from setpoint.converge.loop import Loop
from setpoint.converge.measuring import Measuring
from setpoint.converge.notices import Notices
from setpoint.converge.proofreading import Proofreading
from setpoint.converge.shippers import Shippers
from setpoint.converge.shipping import Ports
from setpoint.drivers import clock, logplex, outbound, outgoing
from setpoint.drivers.envoy.client import EdgeClient
from setpoint.drivers.git.repositories import Repositories
from setpoint.drivers.local import disk, privileges
from setpoint.drivers.local.certificate import RENEW_S, ApiCertificate
from setpoint.drivers.local.client import LocalDriver
from setpoint.drivers.local.paths import Paths
from setpoint.drivers.local.sitting import LocalTerminals
from setpoint.drivers.local.tails import LocalTails
from setpoint.drivers.local.tickets import Tickets
from setpoint.drivers.local.tokens import LocalTokens
from setpoint.drivers.local.uploads import Uploads
from setpoint.drivers.outgoing import Outgoing
from setpoint.drivers.ports import Tails
from setpoint.formats.digest_hook import hook
from setpoint.formats.retention import retention
from setpoint.formats.surveyor import apart_from
from setpoint.intents.door import Door
from setpoint.model.capability import Capabilities
from setpoint.model.condition import InstallationCondition, InstallationType
from setpoint.model.errors import DriverError, OpenAnew, SetpointError, StoreError, Superseded
from setpoint.model.figures import EdgeFigures, Figures
from setpoint.model.ids import AppId
from setpoint.model.observed import Uptime
from setpoint.model.retention import Disk, Headroom, Retention
from setpoint.model.target import target
from setpoint.policy.headroom import is_low
from setpoint.processes import inherit, oplog, preload, surveyor
from setpoint.processes.digests import Digests
from setpoint.processes.plane import plane_facts
from setpoint.store.sqlite import SqliteStore, open_store, schema
from setpoint.store.sqlite.outbox import units_kept
from setpoint.views.feed import Feed

log = logging.getLogger("setpoint.daemon")
STREAMS_S_MAX = 3
"""How long open streams (logs, watch) may delay an orderly end."""
PROBE_S = 60.0
HELD_S = 2.0
"""How long a daemon may go on reading after another has taken over."""
WORD_BYTES_MAX = 256 * 1024
"""one WebSocket message"""
FORGET_S = 600.0
"""between two looks for repositories of apps that are no more"""
DIGEST_S_MAX = 30.0
"""to hand over one digest"""
MEETINGS_MAX = 200
"""Terminals of Heroku's clients at once, and whoever only connects there."""
CONNECTIONS_MAX = 2000
"""More at once are answered 503: requests that never end must not use up all descriptors."""


def main() -> int:
    oplog.start()
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # what it says of itself, we say
    paths = Paths(Path(os.environ["SETPOINT_DATA"]), Path(os.environ["SETPOINT_RUNTIME"]))
    sockets = {name: socket.socket(fileno=fd) for name, fd in inherit.inherited().items()}
    preload.everything()
    schema.shipped()
    privileges.drop_as_told(os.environ)
    many = units_kept(paths.database) >= apart_from(os.environ)
    forked = surveyor.fork(partial(surveyor.surveyor_of, paths)) if many else None
    try:
        store = open_store(paths.database, paths.key)
        tokens = LocalTokens(paths.token, clock.new_token)
    except SetpointError as error:
        inherit.say_fatal(str(error))
        return os.EX_CONFIG
    asyncio.run(_serve(paths, store, tokens, sockets, forked))
    return 0


async def _serve(
    paths: Paths,
    store: SqliteStore,
    tokens: LocalTokens,
    sockets: dict[str, socket.socket],
    forked: surveyor.Forked | None,
) -> None:
    driver = LocalDriver(paths.supervisor_socket, paths.sources)
    edge = EdgeClient(paths.edge_socket)
    offers = Offers(driver)
    apart = surveyor.Apart(forked, partial(surveyor.surveyor_of, paths)) if forked else None
    clock_changed = asyncio.Event()
    footing = _footing(paths, store, lambda: loop.again(), clock_changed)
    loop = _loop(store, driver, edge, apart, _uptime(paths), footing)
    collector = _collector(store, driver, footing)
    feed = Feed(store, clock.now)
    await offers.look()
    certificate = _certificate(paths)
    counting = Counting(driver, edge)
    services = _services(
        paths, driver, counting, store, feed, tokens, loop, offers, collector, footing
    )
    server = _server(services, sockets.get("api_tls"), certificate)
    endless = (
        *(loop.run(), offers.keep_looking(), collector.run(), feed.run(), _holding(store)),
        Measuring(
            store, counting, clock.now, logging.getLogger("setpoint.bets"), footing.doubt
        ).run(),
        footing.run(),
        Proofreading(store, logging.getLogger("setpoint.journal")).run(),
        _renewing(certificate, clock_changed),
        _forgetting(services.repositories, store),
        *_digests(store),
        _shippers(store, driver, services.tails).run(),
        _notices(store, services).run(),
    )
    work = [asyncio.create_task(task) for task in endless]
    for task in work:
        task.add_done_callback(lambda done: _ended(done, server))
    gc.collect()
    gc.freeze()  # what is there by now stays: nobody waits while all of it is gone through again
    log.info("daemon.started", extra={"version": __version__, "pid": os.getpid()})
    meeting = sockets.pop("rendezvous")
    meetings = await _meetings(services, meeting, certificate)
    try:
        await server.serve(sockets=list(sockets.values()))
    finally:
        if meetings is not None:
            meetings.close()
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        if apart is not None:
            await apart.close()
        await store.close()


def _loop(
    store: SqliteStore,
    driver: LocalDriver,
    edge: EdgeClient,
    apart: surveyor.Apart | None,
    uptime: Uptime,
    footing: Footing,
) -> Loop:
    return Loop(
        store,
        driver,
        edge,
        now=clock.now,
        luck=clock.luck,
        new_token=clock.new_id,
        log=logging.getLogger("setpoint.loop"),
        surveys=apart,
        uptime=uptime,
        ahead_s=footing.ahead_s,
    )


def _uptime(paths: Paths) -> Uptime:
    """No machine that is started anew, and no orderly stop, leaves this process."""
    try:
        stop = paths.stopped.read_text(encoding="utf-8").strip()
    except OSError:
        stop = ""
    return Uptime(clock.moment().boot, stop)


def _footing(
    paths: Paths, store: SqliteStore, again: Callable[[], None], clock_changed: asyncio.Event
) -> Footing:
    def changed(condition: InstallationCondition) -> None:
        if condition.type is InstallationType.CLOCK_STEADY:
            clock_changed.set()
        elif condition.status:
            again()

    return Footing(
        store,
        moment=clock.moment,
        ground=partial(disk.ground, paths.database.parent),
        log=logging.getLogger("setpoint.footing"),
        on_change=changed,
    )


def _collector(store: SqliteStore, driver: LocalDriver, footing: Footing) -> Collector:
    return Collector(
        store,
        driver,
        now=clock.now,
        luck=clock.luck,
        new_token=clock.new_id,
        log=logging.getLogger("setpoint.collector"),
        doubt=footing.doubt,
        retention=retention(os.environ),
    )


def _server(
    services: Services, tls: socket.socket | None, certificate: ApiCertificate | None
) -> "_Server":
    config = uvicorn.Config(
        make_app(services),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        ws="websockets-sansio",
        ws_max_size=WORD_BYTES_MAX,
        timeout_graceful_shutdown=STREAMS_S_MAX,
        limit_concurrency=CONNECTIONS_MAX,
    )
    context = certificate.context if certificate is not None else None
    return _Server(config, tls, context, services.ending)


def _services(
    paths: Paths,
    driver: LocalDriver,
    counting: "Counting",
    store: SqliteStore,
    feed: Feed,
    tokens: LocalTokens,
    loop: Loop,
    offers: "Offers",
    collector: Collector,
    footing: Footing,
) -> Services:
    space = Space(paths.data, collector, retention(os.environ))
    return Services(
        door=Door(
            store,
            loop.wake,
            clock.new_id,
            clock.new_token,
            space.headroom,
            space.retention,
            outbound.networks(os.environ),
        ),
        store=store,
        feed=feed,
        tails=LocalTails(paths.supervisor_socket, paths.builds),
        terminals=LocalTerminals(paths.supervisor_socket),
        uploads=Uploads(paths.sources),
        repositories=Repositories(paths.repositories),
        tokens=tokens,
        tickets=Tickets(tokens.key),
        capabilities=lambda: offers.known,
        now=clock.now,
        new_id=clock.new_id,
        plane=lambda: _plane(paths),
        disk=space.disk,
        conditions=lambda: footing.conditions,
        collect=collector.collect,
        figures=counting.figures,
        answered=counting.answered,
        installation=Installation(
            __version__,
            int(os.environ["SETPOINT_EDGE_PORT"]),
            rendezvous_port=int(os.environ["SETPOINT_RENDEZVOUS_PORT"]),
            tls_port=int(os.environ["SETPOINT_TLS_PORT"]),
            authority=_authority(paths),
        ),
    )


def _plane(paths: Paths) -> Mapping[str, object]:
    """Each process with its size, age and user; how to reach the API."""
    return {
        "api": f"http://127.0.0.1:{os.environ['SETPOINT_API_PORT']}",
        "api_tls": f"https://localhost:{os.environ['SETPOINT_TLS_PORT']}",
        "processes": plane_facts(paths),
    }


@dataclass(frozen=True)
class Counting:
    """Who counts: the supervisor what runs, the edge what it answers."""

    driver: LocalDriver
    edge: EdgeClient

    async def figures(self, weigh: Collection[AppId] = ()) -> Figures:
        return await self.driver.figures(weigh)

    async def answered(self, only: Collection[AppId] | None = None) -> EdgeFigures:
        return await self.edge.answered(only)


@dataclass(frozen=True)
class Space:
    """Of the disk that the data directory lies on."""

    folder: Path
    collector: Collector
    retention: Retention

    def headroom(self) -> Headroom:
        free, total = disk.space(self.folder)
        return Headroom(free, total, str(self.folder), self.collector.reclaimable_bytes)

    def disk(self) -> Disk:
        headroom, stock = self.headroom(), self.collector.stock
        return Disk(
            headroom,
            headroom.percent_full,
            is_low(headroom, self.retention),
            stock.rooms if stock is not None else {},
            self.collector.seen_s,
        )


class Offers:
    """What the driver offered last; asked again now and then, since machines change."""

    def __init__(self, driver: LocalDriver) -> None:
        self._driver = driver
        self.known: Capabilities

    async def look(self) -> None:
        """Until the supervisor answers once: the keeper starts it before the daemon."""
        while True:
            try:
                self.known = await self._driver.probe()
                return
            except DriverError as error:
                log.info("supervisor.awaited", extra={"error": error.message})
                await asyncio.sleep(0.1)

    async def keep_looking(self) -> None:
        while True:
            await asyncio.sleep(PROBE_S)
            with contextlib.suppress(DriverError):
                self.known = await self._driver.probe()


async def _meetings(
    services: Services, listener: socket.socket, certificate: ApiCertificate | None
) -> asyncio.Server | None:
    """Where Heroku's clients meet their one-off dynos."""
    if certificate is None:
        return None
    here = 0

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal here
        if here >= MEETINGS_MAX:
            writer.close()
            return
        here += 1
        try:
            await rendezvous.visit(services, reader, writer)
        finally:
            here -= 1

    return await asyncio.start_server(visit, sock=listener, ssl=certificate.context)


def _certificate(paths: Paths) -> ApiCertificate | None:
    """Without one the API still serves, but for TLS."""
    try:
        return ApiCertificate(paths.tls, paths.api_certificate, clock.now)
    except OSError as error:
        log.error("certificate.failed", extra={"error": str(error)})
        return None


def _digests(store: SqliteStore) -> tuple[Coroutine[None, None, None], ...]:
    """What sends them, where the operator named an address."""
    wanted = hook(os.environ)
    if wanted is None:
        return ()

    def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
        rules = outbound.Rules(outbound.networks(os.environ), 0, DIGEST_S_MAX)
        outbound.post(url, body, headers, rules)

    digests = Digests(store, wanted, post, clock.now, logging.getLogger("setpoint.digest"))
    return (digests.run(),)


def _shippers(store: SqliteStore, driver: LocalDriver, tails: Tails) -> Shippers:
    out = Outgoing(outbound.networks(os.environ))
    ports = Ports(tails, driver.append, clock.now, asyncio.sleep, clock.luck, clock.new_id)
    log = logging.getLogger("setpoint.drains")
    return Shippers(store, partial(logplex.sink, out), ports, log)


def _notices(store: SqliteStore, services: Services) -> Notices:
    out = Outgoing(outbound.networks(os.environ))
    here = services.installation

    async def post(url: str, headers: Mapping[str, str], body: bytes) -> int:
        to = target(url)
        return await outgoing.post_once(out, to, {**logplex.basic(to), **headers}, body)

    def place() -> Place:
        stack = services.capabilities().stack
        return Place(stack, here.edge_port, here.tls_port, here.host_suffix)

    log = logging.getLogger("setpoint.webhooks")
    return Notices(store, post, place, clock.now, clock.luck, log)


def _authority(paths: Paths) -> str:
    """'' where none could be made."""
    try:
        return paths.api_authority.read_text(encoding="ascii")
    except OSError:
        return ""


async def _holding(store: SqliteStore) -> None:
    """Until another daemon has this data directory, who may have been started while this one was
    stopped. Raises Superseded."""
    while True:
        await asyncio.sleep(HELD_S)
        try:
            await store.held()
        except Superseded:
            raise
        except StoreError as error:
            log.warning("store.unknown", extra={"error": error.message})


async def _renewing(certificate: ApiCertificate | None, clock_changed: asyncio.Event) -> None:
    """Now and then; and when the clock was set: it may be good only later, or no more."""
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RENEW_S):
                await clock_changed.wait()
        clock_changed.clear()
        if certificate is not None:
            try:
                certificate.renew()
            except OSError as error:
                log.error("certificate.failed", extra={"error": str(error)})


async def _forgetting(repositories: Repositories, store: SqliteStore) -> None:
    """What was pushed goes some time after its app, and at each start what a death left."""
    repositories.folder.mkdir(mode=0o700, exist_ok=True)
    while True:
        try:
            await asyncio.to_thread(repositories.forget, await store.unit_ids())
        except StoreError as error:
            log.error("repositories.kept", extra={"error": str(error)})
        await asyncio.sleep(FORGET_S)


class _Server(uvicorn.Server):
    """Ends on SIGTERM and says so to the keeper once it serves. `secured`: the one of its sockets
    where TLS is spoken."""

    def __init__(
        self,
        config: uvicorn.Config,
        secured: socket.socket | None,
        context: ssl.SSLContext | None,
        ending: asyncio.Event,
    ) -> None:
        super().__init__(config)
        self._ending = ending
        self._secured = secured
        self._context = context

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """The library knows all of its sockets with TLS or none, so it is asked twice."""
        await super().startup([s for s in sockets or () if s is not self._secured])
        if self._secured is not None and self._context is not None:
            plain, self.config.ssl = self.servers, self._context
            await super().startup([self._secured])
            self.servers += plain
        inherit.say_ready()

    @contextlib.contextmanager
    def capture_signals(self):  # pyright: ignore[reportIncompatibleMethodOverride]
        """Without raising the signal again afterwards: a clean end is exit code 0."""
        running = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            running.add_signal_handler(number, self._end)
        yield

    def _end(self) -> None:
        """Nobody is let in any more before streams end: who comes back waits for the next daemon
        in the keeper's sockets."""
        for server in self.servers:
            server.close()
        self._ending.set()
        self.should_exit = True


def _ended(task: asyncio.Task[None], server: uvicorn.Server) -> None:
    """The loop never ends by itself: if it does, end the process; the keeper starts a new one."""
    error = None if task.cancelled() else task.exception()
    if isinstance(error, OpenAnew):
        log.info("daemon.renewed", extra={"because": error.message})
    elif isinstance(error, Superseded):
        log.error("daemon.superseded", extra={"error": error.message})
    elif error is not None:
        log.critical("daemon.broke", exc_info=error)
    if error is not None:
        server.should_exit = True


if __name__ == "__main__":
    sys.exit(main())
