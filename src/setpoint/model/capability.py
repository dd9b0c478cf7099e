"""What this infrastructure offers, and what was wanted but cannot be had."""

from typing import Literal

import msgspec

from setpoint.model.app import DYNO_SIZES
from setpoint.model.egress import EgressOffer

Level = Literal["L3", "L2", "L0"]

LEVEL_WORDS: dict[str, str] = {
    "L3": "root: own uid, namespaces, network, cgroups and seccomp per app",
    "L2": "ordinary user: namespaces and seccomp; one uid for all apps",
    "L0": "none: plain processes, for development only",
}


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
    provider: str = "this machine"
    workarounds: dict[str, str] = {}
    """capability -> the way round it, in the driver's own words"""

    def changed(self, before: "Capabilities") -> frozenset[str]:
        """Names of the capabilities that are not as they were."""
        return frozenset(
            name for name in self.__struct_fields__ if getattr(self, name) != getattr(before, name)
        )


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
