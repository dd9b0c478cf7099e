"""What this infrastructure offers, and what was wanted but cannot be had."""

import re

import msgspec

from setpoint.model.app import DYNO_SIZES
from setpoint.model.egress import EgressOffer
from setpoint.model.level import Level

REGION_RE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""What a region is called."""


class Capabilities(msgspec.Struct, frozen=True):
    """Published by a driver's `probe`. Bytes and counts; `missing`: human sentences for doctor."""

    level: Level
    stack: str
    python: str
    memory_bytes: int
    instances_max: int
    limits: bool
    """memory and pid limits are enforced"""
    missing: tuple[str, ...] = ()
    egress: EgressOffer = "none"
    """what way out of an app can be had"""
    sizes: tuple[str, ...] = tuple(DYNO_SIZES)
    """dyno sizes that there is memory for, by growing memory"""
    python_version: str = ""
    """of `python`"""
    node_versions: tuple[str, ...] = ()
    """that an app may get, the machine's own first"""
    tls_hosts: tuple[str, ...] = ()
    """patterns of the hosts that the edge has a certificate for"""
    regions: tuple[str, ...] = ("local",)
    """names of where apps run; the last is what a list of regions shows them in"""
    java_versions: tuple[str, ...] = ()
    provider: str = "this machine"
    workarounds: dict[str, str] = {}
    """capability -> the way round it, in the driver's own words"""


class Want(msgspec.Struct, frozen=True):
    """What a plan leaned on of what is offered; as long as it is had alike, no other plan is made.

    `capability`: the field of Capabilities. `most`: of a count; what is above makes no difference.
    `one`: of several; whether this is among them is all that counts.
    """

    capability: str
    most: int | None = None
    one: str | None = None

    def had(self, offers: Capabilities) -> object:
        offered = getattr(offers, self.capability)
        if self.most is not None:
            return min(offered, self.most)
        return self.one in offered if self.one is not None else offered


class Unmet(msgspec.Struct, frozen=True):
    """An intended leaf that exceeds what can be done now. The rest converges.

    `capability`: the field of Capabilities that falls short.
    """

    path: str
    wanted: str
    offered: str
    capability: str
    nearest: str
    because: str
    provider: str = ""
    workaround: str = ""
    warned: bool = False
    """the nearest was taken in its place and its release warns of that: no command fails over it"""
    since_s: float = 0.0
    """unix seconds since which this is wanted and cannot be had; 0 where nobody has noted it yet"""


def stamp(
    previous: tuple[Unmet, ...], current: tuple[Unmet, ...], now_s: float
) -> tuple[Unmet, ...]:
    """Carry `since_s` over where the same is wanted as before, however much of it is offered."""
    before = {(u.path, u.wanted): u.since_s for u in previous}
    return tuple(
        msgspec.structs.replace(u, since_s=before.get((u.path, u.wanted), now_s)) for u in current
    )
