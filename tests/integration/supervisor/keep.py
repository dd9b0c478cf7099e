"""The real keeper without a daemon, for the test is the daemon, until SIGTERM:

python keep.py DATA RUNTIME [--edge]        without --edge: the supervisor alone
python keep.py DATA RUNTIME --clock FILE    the supervisor, on a clock that a test moves
python keep.py DATA RUNTIME --memory MIB    the supervisor, on a machine with so little memory
python keep.py DATA RUNTIME --sockets MOST  the supervisor, with room for so few functions
"""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from setpoint.drivers.envoy.binary import prepare_envoy
from setpoint.drivers.local.paths import Paths
from setpoint.processes import preflight, up
from setpoint.processes.accounts import accounts
from setpoint.processes.keeper import Child, Keeper

WORLDS = {
    "--clock": Path(__file__).with_name("on_clock.py"),
    "--memory": Path(__file__).with_name("on_small_machine.py"),
    "--sockets": Path(__file__).with_name("on_full_shelf.py"),
}


def main() -> None:
    paths, who = Paths(Path(sys.argv[1]), Path(sys.argv[2])), accounts()
    preflight.make_folders(paths, who)
    wanted = {"supervisor", "edge_agent", "envoy"} if "--edge" in sys.argv else {"supervisor"}
    ports = {
        "edge": preflight.free_port(0, "the edge", "--edge-port"),
        "api": 0,
        "tls": 0,
        "rendezvous": 0,
    }
    world = WORLDS.get(sys.argv[3]) if len(sys.argv) > 3 else None
    start = prepare_envoy(paths, ports["edge"], who.envoy)
    envoy = up._envoy_child(paths, who, start, None, ports["edge"])
    api = {n: preflight.bind_loopback(0, n, "") for n in up.DAEMONS[1:]}
    sockets = up._sockets(paths, who, api)
    children = [c for c in up._children(paths, who, sockets, ports, envoy) if c.name in wanted]
    Keeper(
        children=children if world is None else [within(c, world) for c in children],
        listener=sockets["keeper"],
        record=partial(preflight.record_process, paths),
        stop_apps=lambda: None,
        held=tuple(sockets.values()),
        release=lambda _keep_apps: None,
        on_ready=lambda: (paths.runtime / "up").touch(),
    ).run()


def within(child: Child, world: Path) -> Child:
    python, isolated, _, module = child.argv(0)
    return replace(child, argv=lambda _: [python, isolated, str(world), sys.argv[4], module])


if __name__ == "__main__":
    main()
