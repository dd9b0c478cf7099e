"""What a file declares: values of apps, each with its why beside it, and decisions.

It never holds a secret: a config var is told by where its value comes from.
"""

import msgspec

from setpoint.model.decision import Wish
from setpoint.model.egress import Egress


class DeclaredProbe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a web process is asked before it counts as ready. What is None is left as it is."""

    path: str | None = None
    timeout_s: float | None = None
    status_below: int | None = None
    once: bool | None = None
    why: str = ""


class DeclaredProcess(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A process type or a function. What is None is left as it is."""

    min: int | None = None
    max: int | None = None
    size: str | None = None
    idle_s: float | None = None
    boot_s_max: float | None = None
    concurrency: int | None = None
    probe: DeclaredProbe | None = None
    why: str = ""

    @property
    def probed_alone(self) -> bool:
        """It says what is asked of it, and nothing of how many there are."""
        said = (self.min, self.max, self.size, self.idle_s, self.boot_s_max, self.concurrency)
        return self.probe is not None and all(each is None for each in said)


class DeclaredVar(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A config var. `env`: the variable its value is read from where the file is applied; ''
    where the value that is set already is kept. `value`: what was read, never in a file."""

    env: str = ""
    why: str = ""
    value: str | None = None


class DeclaredDomains(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that it answers at besides its own host."""

    hosts: tuple[str, ...]
    why: str = ""


class DeclaredEgress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that its processes may connect to; (): as if nothing had been said."""

    to: Egress
    why: str = ""


class DeclaredBuildpacks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that its next build runs, in order; (): the builder sees for itself."""

    use: tuple[str, ...]
    why: str = ""


class DeclaredMaintenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    on: bool
    why: str = ""


class DeclaredReleasePhase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`run_s_max`: how long it may take."""

    run_s_max: float
    why: str = ""


class DeclaredWord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One word, or '' for nothing said."""

    value: str
    why: str = ""


class DeclaredApp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`functions`: as processes, for what has to be a function. `why`: of the app itself, and of
    what has none of its own."""

    name: str
    processes: dict[str, DeclaredProcess] = {}
    functions: dict[str, DeclaredProcess] = {}
    config: dict[str, DeclaredVar] = {}
    maintenance: DeclaredMaintenance | None = None
    release_phase: DeclaredReleasePhase | None = None
    buildpacks: DeclaredBuildpacks | None = None
    domains: DeclaredDomains | None = None
    egress: DeclaredEgress | None = None
    isolation_level_min: DeclaredWord | None = None
    region: DeclaredWord | None = None
    why: str = ""

    @property
    def formation(self) -> dict[str, DeclaredProcess]:
        return {**self.processes, **self.functions}


class Declared(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole file. A decision is known again by its title.

    `prune`: what it does not name of its apps (config vars, formations) goes.
    """

    apps: tuple[DeclaredApp, ...] = ()
    decisions: tuple[Wish, ...] = ()
    prune: bool = False
