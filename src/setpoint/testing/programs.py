"""What simulated sources are made of: how long they take to build and boot, and how that ends."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from setpoint.model.ids import Digest
from setpoint.model.job import CronJob
from setpoint.model.release import ProcessType

Fate = Literal["ready", "exits", "hangs"]
ReleaseFate = Literal["none", "succeeds", "fails", "hangs"]
FOR_EVER_S = 1e9
BREAKING = "BREAK"
"""The config var that makes any program exit at its start."""

WEB = ProcessType("web", "web", "serve")
WORKER = ProcessType("worker", "worker", "work")
RELEASE = ProcessType("release", "release", "migrate")
FUNCTION = ProcessType("greet", "function", runtime="python")


class Program(msgspec.Struct, frozen=True):
    """`cut_off`: the first build of it is lost through no fault of its own. Times in seconds.

    `errs_s`: for so long after its boot the front page is an error (500), if it has any.
    """

    digest: Digest
    processes: tuple[ProcessType, ...] = (WEB, WORKER)
    build_s: float = 3.0
    builds: bool = True
    cut_off: bool = False
    boot_s: float = 2.0
    fate: Fate = "ready"
    stop_s: float = 0.5
    answer_s: float = 0.2
    release: ReleaseFate = "none"
    schedule: tuple[CronJob, ...] = ()
    errs_s: float = 0.0

    def serves(self, environment: Mapping[str, str]) -> bool:
        """Does it come to serve, with this environment?"""
        released = self.release in ("none", "succeeds")
        good = self.fate == "ready" and self.errs_s < FOR_EVER_S
        return self.builds and released and good and environment.get(BREAKING) != "1"


def _digest(n: int) -> Digest:
    return Digest(f"{n:02x}" * 32)


PROGRAMS: tuple[Program, ...] = (
    Program(_digest(1)),
    Program(_digest(2), boot_s=9.0, stop_s=40.0, answer_s=12.0),
    Program(_digest(3), processes=(WEB,), build_s=0.2, boot_s=0.3, answer_s=2.0),
    Program(_digest(4), processes=(FUNCTION, WORKER)),
    Program(_digest(5), builds=False),
    Program(_digest(6), fate="exits"),
    Program(_digest(7), fate="hangs"),
    Program(_digest(8), cut_off=True),
    Program(_digest(9), processes=(FUNCTION,), fate="exits"),
    Program(_digest(10), processes=(WEB, RELEASE), release="succeeds"),
    Program(_digest(11), processes=(WEB, WORKER, RELEASE), release="fails"),
    Program(_digest(12), processes=(WEB, RELEASE), release="hangs", boot_s=0.3),
    Program(_digest(13), processes=(WEB,), build_s=0.2, schedule=(CronJob("*/4 * * * *", "tidy"),)),
    Program(_digest(14), processes=(WEB,), build_s=0.5, boot_s=0.5, errs_s=FOR_EVER_S),
    Program(_digest(15), processes=(WEB, WORKER), boot_s=0.5, errs_s=8.0),
)
"""Quick ones, slow ones, one without web, one with a schedule, and one for each way to fail."""

BY_DIGEST: dict[Digest, Program] = {p.digest: p for p in PROGRAMS}


def learn(program: Program) -> Program:
    """From here on what has this digest is made of this; a digest means one thing for ever."""
    return BY_DIGEST.setdefault(program.digest, program)
