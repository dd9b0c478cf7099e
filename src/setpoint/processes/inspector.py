"""The inspector: one look at the layers in use, as the builder's user, to whom they belong.

What it is to look at comes as JSON on standard input; what it finds, it leaves as marks beside the
layers.
"""

import os
import sys
import time

import msgspec

from setpoint.drivers.builders.inspector import inspect
from setpoint.drivers.local import privileges
from setpoint.formats.control import INSPECTION_BYTES_MAX, Inspection

NICENESS = 19
"""Nobody waits for it."""


def main() -> int:
    job = msgspec.json.decode(sys.stdin.buffer.read(INSPECTION_BYTES_MAX), type=Inspection)
    privileges.drop_as_told(os.environ)
    os.umask(0o022)
    os.nice(NICENESS)
    inspect(job, time.time())
    return 0


if __name__ == "__main__":
    sys.exit(main())
