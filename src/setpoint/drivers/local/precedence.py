"""Processor time before others: for those processes that every request waits for.

Only root may have it; for others nothing happens. It is inherited, so whoever is to start apps or
builds has to leave it.
"""

import contextlib
import os
from pathlib import Path

NICENESS = -10
AUTOGROUP = Path("/proc/self/autogroup")
"""The kernel weighs sessions against each other before it looks at the processes of one."""


def take() -> None:
    """For this process, and what it starts from here on."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
        if os.getsid(0) == os.getpid():  # another's session is not ours to put first
            AUTOGROUP.write_text(str(NICENESS), encoding="ascii")


def leave(niceness: int) -> None:
    """As it was before whoever started this one took it. Somebody may have slowed that one down
    since, who is not undone."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, niceness)
