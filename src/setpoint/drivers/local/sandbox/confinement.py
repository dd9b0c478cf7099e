"""What this machine lets this user put around an app: found out once, then a value.

Three levels. L3, root: every app has its own host uid, network namespace and cgroups. L2, ordinary
user with user namespaces: hidden files, processes and network, one uid for all apps. L0, no
namespaces at all (a nested container): plain processes that may only open what they need.
"""

from dataclasses import dataclass
from pathlib import Path

from setpoint.drivers.local.sandbox.cgroups import Cgroups
from setpoint.drivers.local.sandbox.forking import Forker
from setpoint.drivers.local.sandbox.tools import Tools
from setpoint.drivers.local.sandbox.wall import Wall
from setpoint.model.egress import EgressOffer
from setpoint.model.level import LEVEL_WORDS, Level
from setpoint.model.process import EndpointKind


@dataclass(frozen=True)
class Confinement:
    """`missing`: human sentences on what this level has and this machine lacks.

    `uids`: host uids for apps, one each, or None where we cannot switch users. `ingress`: how the
    edge reaches a port. `filter`: the seccomp program, empty on an unknown architecture.
    `landlock`: its version, 0 for none. `system`: bubblewrap's arguments for the host's own parts.
    `opens`: can a way out be given to one app alone? `forker`: who forks for this process; None for
    one that starts something only now and then.
    """

    level: Level
    missing: tuple[str, ...]
    installation: str
    tools: Tools
    ingress: EndpointKind
    uids: range | None = None
    cgroups: Cgroups | None = None
    landlock: int = 0
    filter: bytes = b""
    system: tuple[str, ...] = ()
    opens: bool = False
    forker: Forker | None = None

    @property
    def hides(self) -> bool:
        """Do apps get a file system of their own?"""
        return self.level != "L0"

    @property
    def limits(self) -> bool:
        """Are memory and processes limited per instance?"""
        return self.cgroups is not None

    @property
    def own_network(self) -> bool:
        """bubblewrap makes the network namespace, one per instance."""
        return self.level == "L2"

    @property
    def egress(self) -> EgressOffer:
        """What way out there is to give."""
        if not self.hides:
            return "machine"
        return "public" if self.opens and self.ingress == "veth" else "none"

    @property
    def wall(self) -> Wall:
        """Around the apps of this installation, where their ingress is 'veth'."""
        return Wall(self.installation, self.opens)

    @property
    def words(self) -> str:
        """One line on the isolation reached and what is missing."""
        missing = f"; missing: {'; '.join(self.missing)}" if self.missing else ""
        return f"{self.level}, {LEVEL_WORDS[self.level]}{missing}"

    def inside(self, host: Path, wanted: str) -> str:
        """The path an app sees for a bound folder: as wanted, or the host's own without mounts.

        Callers build binds, argv, environment and cwd with it, and so serve every level.
        """
        return wanted if self.hides else str(host)

    def marker(self, folder: str) -> str:
        """How a sandbox is named in the process list, and found again after a crash."""
        return f"setpoint:{self.installation}:{folder}"
