"""A keeper with the supervisor as its only child: `python keep.py DATA RUNTIME`, until SIGTERM."""

import os
import sys
from functools import partial
from pathlib import Path

from setpoint.drivers.local.paths import Paths
from setpoint.processes import preflight
from setpoint.processes.accounts import accounts
from setpoint.processes.keeper import Child, Keeper


def main() -> None:
    paths = Paths(Path(sys.argv[1]), Path(sys.argv[2]))
    preflight.make_folders(paths, accounts())
    control = preflight.bind_unix(paths.supervisor_socket, uid=None, gid=None, mode=0o600)
    listener = preflight.bind_unix(paths.keeper_socket, uid=None, gid=None, mode=0o600)
    env = {
        "PATH": os.environ["PATH"],
        "SETPOINT_DATA": str(paths.data),
        "SETPOINT_RUNTIME": str(paths.runtime),
        "SETPOINT_FDS": f"control={control.fileno()}",
    }
    Keeper(
        children=[
            Child(
                name="supervisor",
                argv=lambda *_: [sys.executable, "-I", "-m", "setpoint.processes.supervisor"],
                log=str(paths.plane_logs / "supervisor.log"),
                env=env,
                fds=(control.fileno(),),
            )
        ],
        listener=listener,
        record=partial(preflight.record_process, paths),
        stop_apps=lambda: None,
        held=(control,),
        release=lambda: None,
        on_ready=lambda: (paths.runtime / "up").touch(),
    ).run()


if __name__ == "__main__":
    main()
