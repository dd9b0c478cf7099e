"""The collector's hands: one look at what builds left, or one round of removing, as the builder's
user. The request comes as JSON on standard input, the answer goes to standard output.
"""

import os
import sys
from pathlib import Path

import msgspec
from uv import find_uv_bin

from setpoint.drivers.builders import collector, uv
from setpoint.drivers.builders.collector import Yard
from setpoint.drivers.local import privileges
from setpoint.formats.control import COLLECTOR_BYTES_MAX, CollectorJob

NICENESS = 19
"""It walks through everything there is, and nobody waits for it."""


def main() -> int:
    job = msgspec.json.decode(sys.stdin.buffer.read(COLLECTOR_BYTES_MAX), type=CollectorJob)
    fd = uv.open_uv(find_uv_bin())
    encoder = msgspec.json.Encoder()
    privileges.drop_as_told(os.environ)
    os.nice(NICENESS)
    yard = Yard(*(Path(p) for p in (job.layers, job.builds, job.sources, job.cache)))
    if job.clearance is None:
        answer = encoder.encode(collector.look(yard))
    else:
        tool = uv.Uv(fd, uv.environment(os.environ, yard.cache / "uv"))
        answer = encoder.encode(collector.clear(yard, job.clearance, tool))
    sys.stdout.buffer.write(answer)
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
