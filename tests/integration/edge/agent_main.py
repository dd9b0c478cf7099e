"""The real edge agent, with limits from the command line: tests cannot wait 30 s for an H12."""

import asyncio
import os
import socket
import sys
from pathlib import Path

import msgspec

from setpoint.drivers.local.paths import Paths
from setpoint.formats.envoy.limits import Limits
from setpoint.processes.accounts import accounts
from setpoint.processes.edge_agent import serve
from setpoint.processes.inherit import inherited

if __name__ == "__main__":
    asyncio.run(
        serve(
            Paths(Path(os.environ["SETPOINT_DATA"]), Path(os.environ["SETPOINT_RUNTIME"])),
            socket.socket(fileno=inherited()["control"]),
            accounts(),
            msgspec.json.decode(sys.argv[1], type=Limits),
        )
    )
