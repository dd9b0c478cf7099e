"""Who runs as whom. As root each process of the plane has its own uid; below root, one for all."""

import os
from dataclasses import dataclass

from setpoint.drivers.local import uids


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
    base = uids.base()
    return Accounts(base + 1, base + 2, base + 3, base + 4, base, uids.app_uids().start)
