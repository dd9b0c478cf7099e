"""The real keeper without a daemon, for the test is the daemon, until SIGTERM:

python keep.py DATA RUNTIME [--edge]        without --edge: the supervisor alone
"""

import sys
from functools import partial
from pathlib import Path

from setpoint.drivers.envoy.binary import prepare_envoy
from setpoint.drivers.local.paths import Paths
from setpoint.processes import preflight, up
from setpoint.processes.accounts import accounts
from setpoint.processes.keeper import Keeper


def main() -> None:
    paths, who = Paths(Path(sys.argv[1]), Path(sys.argv[2])), accounts()
    preflight.make_folders(paths, who)
    wanted = {"supervisor", "edge_agent", "envoy"} if "--edge" in sys.argv else {"supervisor"}
    ports = {"edge": preflight.free_port(0, "the edge", "--edge-port"), "api": 0}
    envoy = up._envoy_child(paths, who, prepare_envoy(paths, ports["edge"], who.envoy), None)
    sockets = up._sockets(paths, who, preflight.bind_loopback(0, "the API", "--api-port"))
    Keeper(
        children=[c for c in up._children(paths, who, sockets, ports, envoy) if c.name in wanted],
        listener=sockets["keeper"],
        record=partial(preflight.record_process, paths),
        stop_apps=lambda: None,
        held=tuple(sockets.values()),
        release=lambda _keep_apps: None,
        on_ready=lambda: (paths.runtime / "up").touch(),
    ).run()


if __name__ == "__main__":
    main()
