"""Which user ids an installation takes: a hundred for the plane, the rest one per app.

They need no passwd entry. They lie below 65536 so that they exist in user namespaces, and outside
the ranges that Debian and systemd hand out. `SETPOINT_UID_BASE` moves them, for example where two
Setpoints share a machine.
"""

import os

BASE = 40000
PLANE = 100
APPS = 10000


def base() -> int:
    return int(os.environ.get("SETPOINT_UID_BASE", BASE))


def app_uids() -> range:
    first = base() + PLANE
    return range(first, first + APPS)
