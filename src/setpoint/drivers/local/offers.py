"""What this machine offers its apps: found out once, but for memory, which may come and go."""

import os
from collections.abc import Mapping

from msgspec import structs

from setpoint.drivers.builders.node import engine
from setpoint.drivers.builders.stack import interpreter, stack
from setpoint.drivers.local.sandbox import Confinement
from setpoint.drivers.local.workarounds import WORKAROUNDS
from setpoint.model.app import DYNO_SIZES, INSTANCES_MAX, MIB
from setpoint.model.capability import REGION_RE, Capabilities
from setpoint.model.errors import Terminal

WISH = "SETPOINT_MEMORY_MIB"
"""How much of the machine's memory the operator offers; else all of it."""

REGION = "SETPOINT_REGION"
"""What the operator calls the region that this machine stands in."""

TLS_HOSTS = ("*.localhost",)
"""The edge's authority signs for nothing else."""


class Offers:
    """Raises Terminal where the operator's own wish cannot be read."""

    def __init__(self, confinement: Confinement, python: str, operator: Mapping[str, str]) -> None:
        self._confinement = confinement
        self._memory_bytes_max = _wish(operator)
        self._fixed = Capabilities(
            level=confinement.level,
            stack=stack(python),
            python=python,
            memory_bytes=0,
            instances_max=INSTANCES_MAX,
            limits=confinement.limits,
            missing=confinement.missing,
            egress=confinement.egress,
            python_version=interpreter(python).label,
            node_versions=engine.offered(operator),
            tls_hosts=TLS_HOSTS,
            regions=_regions(operator),
            workarounds=WORKAROUNDS,
        )

    def __call__(self) -> Capabilities:
        """As of now."""
        memory = self._memory_bytes()
        sizes = tuple(s.name for s in DYNO_SIZES.values() if s.memory_bytes_max <= memory)
        return structs.replace(self._fixed, memory_bytes=memory, sizes=sizes)

    def _memory_bytes(self) -> int:
        groups = self._confinement.cgroups
        allowed = groups.memory_bytes_allowed() if groups is not None else None
        machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE")
        bounds = (machine, allowed, self._memory_bytes_max)
        return min(bound for bound in bounds if bound is not None)


def _regions(operator: Mapping[str, str]) -> tuple[str, ...]:
    """It is always 'local', too."""
    told = operator.get(REGION, "")
    if told and not REGION_RE.fullmatch(told):
        raise Terminal(
            f"cannot offer a region to apps: {REGION} is no name of one", f"say {REGION}=eu"
        )
    return ("local",) if told in ("", "local") else ("local", told)


def _wish(operator: Mapping[str, str]) -> int | None:
    told = operator.get(WISH, "")
    if not told:
        return None
    if not (told.isascii() and told.isdecimal() and 0 < int(told) < 2**32):
        raise Terminal(
            f"cannot offer memory to apps: {WISH} is no whole number of MiB", f"say {WISH}=4096"
        )
    return int(told) * MIB
