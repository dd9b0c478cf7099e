"""The edge agent: what Envoy is told, what it holds, and what is heard of it.

Started as root where there is root: it imports everything and creates Envoy's socket, then becomes
its own user. The control socket is the keeper's and only lent.
"""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

from setpoint.drivers import clock
from setpoint.drivers.envoy.agent import Agent
from setpoint.drivers.envoy.control import ControlServer
from setpoint.drivers.local import privileges
from setpoint.drivers.local.paths import Paths
from setpoint.formats.envoy.limits import Limits, limits
from setpoint.processes import oplog
from setpoint.processes.accounts import Accounts, accounts
from setpoint.processes.inherit import inherited, say_ready

FIRST_FACTS_S_MAX = 1.0
"""A supervisor that is up answers in milliseconds; without one, remembered facts have to do."""


def main() -> int:
    oplog.start()
    paths = Paths(Path(os.environ["SETPOINT_DATA"]), Path(os.environ["SETPOINT_RUNTIME"]))
    listener = socket.socket(fileno=inherited()["control"])
    asyncio.run(serve(paths, listener, accounts(), limits(os.environ)))
    return 0


async def serve(paths: Paths, listener: socket.socket, who: Accounts, limits: Limits) -> None:
    """Until SIGTERM."""
    agent = Agent(paths.edge, paths.supervisor_socket, limits, clock.now)
    agent.server.bind(paths.xds_socket, who.envoy, who.edge)
    privileges.drop_as_told(os.environ)
    agent.recall()
    uids = {0, os.geteuid(), who.daemon if who.daemon is not None else os.geteuid()}
    door = await ControlServer(agent, frozenset(uids)).start(listener)
    living = asyncio.create_task(agent.run())
    try:
        await agent.first_facts(FIRST_FACTS_S_MAX)
        await agent.server.start()
        say_ready()
        await _first(_asked_to_end(), living)
    finally:
        door.close()
        living.cancel()
        await agent.server.stop()


async def _first(end: "asyncio.Future[None]", living: "asyncio.Task[None]") -> None:
    """SIGTERM ends it quietly; a bug in one of its tasks ends it with its trace."""
    await asyncio.wait((end, living), return_when=asyncio.FIRST_COMPLETED)
    if living.done():
        living.result()


def _asked_to_end() -> "asyncio.Future[None]":
    loop = asyncio.get_running_loop()
    end: asyncio.Future[None] = loop.create_future()

    def asked() -> None:
        if not end.done():
            end.set_result(None)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked)
    return end


if __name__ == "__main__":
    sys.exit(main())
