"""Who runs as whom. As root each process of the plane has its own uid; below root, one for all.

The numbers need no passwd entry. They lie below 65536 so that they exist in user namespaces, and
outside the ranges Debian and systemd hand out. `SETPOINT_UID_BASE` moves them.
"""

import os
from dataclasses import dataclass

UID_BASE = 40000
APP_UIDS = 10000
"""how many app uids follow the plane's hundred"""


@dataclass(frozen=True)
class Accounts:
    """None everywhere means: whoever started it. `plane` is the group the plane shares."""

    daemon: int | None
    edge: int | None
    envoy: int | None
    builder: int | None
    plane: int | None
    app_first: int | None

    @property
    def separate(self) -> bool:
        return self.daemon is not None


def accounts() -> Accounts:
    if os.geteuid() != 0:
        return Accounts(None, None, None, None, None, None)
    base = int(os.environ.get("SETPOINT_UID_BASE", UID_BASE))
    return Accounts(base + 1, base + 2, base + 3, base + 4, base, base + 100)
