"""What one line of a script asks for. Values only; seconds throughout."""

from dataclasses import dataclass
from typing import Literal

from setpoint.model.app import UpkeepMode
from setpoint.model.release import ProcessType
from setpoint.testing.programs import Fate, ReleaseFate


@dataclass(frozen=True)
class Create:
    app: str


@dataclass(frozen=True)
class Deploy:
    """`types` (): what the app had before, else one web. `errs`: its front page is an error."""

    app: str
    types: tuple[ProcessType, ...] = ()
    builds: bool = True
    build_s: float = 3.0
    boot_s: float = 2.0
    fate: Fate = "ready"
    errs: bool = False
    release: ReleaseFate = "succeeds"
    schedule: str = ""


@dataclass(frozen=True)
class Config:
    """None unsets."""

    app: str
    values: dict[str, str | None]


@dataclass(frozen=True)
class Size:
    """One type's new bounds. What is None stays."""

    process: str
    min: object
    max: object
    size: str | None = None
    idle_s: float | None = None
    boot_s_max: float | None = None


@dataclass(frozen=True)
class Scale:
    app: str
    sizes: tuple[Size, ...]


@dataclass(frozen=True)
class Rollback:
    app: str
    version: str = ""


@dataclass(frozen=True)
class Restart:
    app: str
    process: str | None = None


@dataclass(frozen=True)
class Rename:
    app: str
    name: str


@dataclass(frozen=True)
class Maintenance:
    app: str
    on: bool


@dataclass(frozen=True)
class Keep:
    """What is done where the world is not as intended. `until`: as a command line has it, or ''."""

    app: str
    mode: UpkeepMode
    until: str = ""


@dataclass(frozen=True)
class Destroy:
    app: str


@dataclass(frozen=True)
class Run:
    """`lasts_s` None: until it is stopped."""

    app: str
    command: str
    lasts_s: float | None = 3.0
    code: int = 0


@dataclass(frozen=True)
class Stop:
    app: str
    dyno: str


@dataclass(frozen=True)
class Request:
    """Visitors, or callers of a function."""

    app: str
    process: str = "web"
    times: int = 1


@dataclass(frozen=True)
class DaemonDies:
    """Now, or right before or after the next step of that verb is carried out."""

    down_s: float
    moment: Literal["now", "before", "after"] = "now"
    verb: str = ""


@dataclass(frozen=True)
class SupervisorDies:
    down_s: float


@dataclass(frozen=True)
class EdgeAway:
    down_s: float


@dataclass(frozen=True)
class Reboot:
    """Everything but disks is gone: instances, orders, routes."""


@dataclass(frozen=True)
class ClockJumps:
    """The daemon's clock, which timers do not follow."""

    by_s: float


@dataclass(frozen=True)
class Mishap:
    """The next `times` steps of this verb go wrong on their way."""

    verb: str
    how: Literal["refused", "lost", "slow"]
    slow_s: float = 0.0
    times: int = 1


@dataclass(frozen=True)
class StaleReads:
    """So many of the daemon's reads see what was true a few commits ago. 0 to 1."""

    share: float


@dataclass(frozen=True)
class Kill:
    """Somebody else kills it: `dyno` is 'web.1'."""

    app: str
    dyno: str


@dataclass(frozen=True)
class Unroute:
    """Somebody else takes its routes away."""

    app: str


@dataclass(frozen=True)
class Heal:
    """Everything that was taken away is back, and nothing more goes wrong."""


@dataclass(frozen=True)
class Offer:
    """The machine's capabilities differ from now on, by field."""

    fields: dict[str, str]


@dataclass(frozen=True)
class Wait:
    for_s: float


@dataclass(frozen=True)
class Settle:
    within_s: float


@dataclass(frozen=True)
class Plan:
    app: str
    sizes: tuple[Size, ...] = ()


@dataclass(frozen=True)
class Why:
    app: str
    path: str = ""


@dataclass(frozen=True)
class Status:
    app: str = ""


@dataclass(frozen=True)
class Jobs:
    app: str


Change = (
    Create
    | Deploy
    | Config
    | Scale
    | Rollback
    | Restart
    | Rename
    | Maintenance
    | Keep
    | Destroy
    | Run
    | Stop
)
Fault = (
    DaemonDies
    | SupervisorDies
    | EdgeAway
    | Reboot
    | ClockJumps
    | Mishap
    | StaleReads
    | Kill
    | Unroute
    | Heal
    | Offer
)
Question = Plan | Why | Status | Jobs
Act = Change | Fault | Question | Request | Wait | Settle
