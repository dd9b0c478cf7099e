"""The real keeper without a daemon, for the test is the daemon, until SIGTERM:

python keep.py DATA RUNTIME [--edge]        without --edge: the supervisor alone
python keep.py DATA RUNTIME --clock FILE    the supervisor, on a clock that a test moves
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

ON_CLOCK = Path(__file__).with_name("on_clock.py")


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
    moved = "--clock" in sys.argv
    envoy = up._envoy_child(paths, who, prepare_envoy(paths, ports["edge"], who.envoy), None)
    api = {n: preflight.bind_loopback(0, n, "") for n in up.DAEMONS[1:]}
    sockets = up._sockets(paths, who, api)
    children = [c for c in up._children(paths, who, sockets, ports, envoy) if c.name in wanted]
    Keeper(
        children=[on_clock(c, sys.argv[4]) for c in children] if moved else children,
        listener=sockets["keeper"],
        record=partial(preflight.record_process, paths),
        stop_apps=lambda: None,
        held=tuple(sockets.values()),
        release=lambda _keep_apps: None,
        on_ready=lambda: (paths.runtime / "up").touch(),
    ).run()


def on_clock(child: Child, clock: str) -> Child:
    python, isolated, _, module = child.argv(0)
    return replace(child, argv=lambda _: [python, isolated, str(ON_CLOCK), clock, module])


if __name__ == "__main__":
    main()
