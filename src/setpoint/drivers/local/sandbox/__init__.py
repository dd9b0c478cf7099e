"""Confinement of one instance on this machine: what may be reached, seen, used up; how it ends.

Decides nothing about which instances there are (planning, supervisor). Standard library only, to
be called from one small single-threaded process. One start, in order:

    confinement = probe(tools)                        # once
    confinement = replace(confinement, forker=Forker(...))    # who starts many
    netns = prepare_app(confinement, runtime, app)    # before every start: repairs what is amiss
    identity = launch(confinement, Launch(...))       # or begin, wait for its fd, finish
    open_pidfd(identity)                              # readable when it has ended; then
    kill(confinement, identity), read_exit(...), forget(...)       # in this order, always all three
"""

from setpoint.drivers.local.sandbox import ports, shortage
from setpoint.drivers.local.sandbox.confinement import Confinement
from setpoint.drivers.local.sandbox.exits import forget, read_exit
from setpoint.drivers.local.sandbox.find import find_ours
from setpoint.drivers.local.sandbox.forked import Forking, begin_fork
from setpoint.drivers.local.sandbox.forking import Forker
from setpoint.drivers.local.sandbox.identity import alive, kill, open_pidfd, terminate, unburied
from setpoint.drivers.local.sandbox.ingress import connectable, endpoint
from setpoint.drivers.local.sandbox.levels import probe
from setpoint.drivers.local.sandbox.netns import (
    drop_all,
    drop_app,
    hold_in,
    pin_path,
    prepare_app,
    refresh,
    set_egress,
    unpinned,
    unwalled,
    walled,
)
from setpoint.drivers.local.sandbox.spec import Identity, Launch, folder_name
from setpoint.drivers.local.sandbox.starting import (
    Starting,
    UnderWay,
    begin,
    finish,
    launch,
    memory_file,
    open_output,
)
from setpoint.drivers.local.sandbox.tools import Tools, install_tools

__all__ = [
    "Confinement",
    "Forker",
    "Forking",
    "Identity",
    "Launch",
    "Starting",
    "Tools",
    "UnderWay",
    "alive",
    "begin",
    "begin_fork",
    "connectable",
    "drop_all",
    "drop_app",
    "endpoint",
    "find_ours",
    "finish",
    "folder_name",
    "forget",
    "hold_in",
    "install_tools",
    "kill",
    "launch",
    "memory_file",
    "open_output",
    "open_pidfd",
    "pin_path",
    "ports",
    "prepare_app",
    "probe",
    "read_exit",
    "refresh",
    "set_egress",
    "shortage",
    "terminate",
    "unburied",
    "unpinned",
    "unwalled",
    "walled",
]
