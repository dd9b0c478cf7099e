"""What is intended for one app: the intent document and the rules about one noun."""

import re
from collections.abc import Sequence
from typing import Literal

import msgspec

from setpoint.model.account import Role
from setpoint.model.egress import Egress
from setpoint.model.ids import AppId, Digest, Fence
from setpoint.model.level import Level
from setpoint.model.pipeline import Coupling

NAME_RE = re.compile(r"[a-z][a-z0-9-]{1,28}[a-z0-9]")
"""Heroku's rule for app names: 3 to 30 characters, so `<fn>--<app>` stays a DNS label."""

CONFIG_KEY_RE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
CONFIG_VALUE_BYTES_MAX = 64 * 1024
CONFIG_KEYS_MAX = 500
INSTANCES_MAX = 100
"""Policy limit per process type, as on Heroku's standard dynos."""

UPLOADED = "@sha256:"
"""stands before the digest of what was uploaded, in the name of a buildpack"""

PROCESS_RE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


class SecretRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reference to one version of an encrypted value: all that intent and journal hold."""

    id: str
    version: int

    @property
    def key(self) -> str:
        """What a store is handed its plaintext under."""
        return f"{self.id}@{self.version}"

    def __str__(self) -> str:
        return f"secret://{self.id}@v{self.version}"


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Uploaded source. `digest`: sha256 of the archive; `version`: the user's label or commit."""

    digest: Digest
    version: str = ""


class DynoSize(msgspec.Struct, frozen=True):
    name: str
    memory_bytes_max: int
    pids_max: int
    cpu_weight: int
    """cgroup v1 cpu.shares; 1024 is one ordinary share"""


MIB = 1024 * 1024
DYNO_SIZES: dict[str, DynoSize] = {
    s.name: s
    for s in (
        DynoSize("eco", 512 * MIB, 256, 512),
        DynoSize("basic", 512 * MIB, 256, 1024),
        DynoSize("standard-1x", 512 * MIB, 256, 1024),
        DynoSize("standard-2x", 1024 * MIB, 512, 2048),
        DynoSize("performance-m", 2560 * MIB, 4096, 4096),
        DynoSize("performance-l", 14 * 1024 * MIB, 4096, 8192),
        DynoSize("performance-l-ram", 30 * 1024 * MIB, 4096, 8192),
        DynoSize("performance-xl", 62 * 1024 * MIB, 4096, 16384),
        DynoSize("performance-2xl", 126 * 1024 * MIB, 4096, 32768),
    )
}
"""Every size that may be wished for, by growing memory; which of them a machine has is another
matter. Heroku's Cedar generation."""


FUNCTION_SIZE = "standard-2x"

ProcessKind = Literal["web", "worker", "function", "release"]


CONCURRENCY = 10
"""What one instance is to have in hand at most, where nobody says otherwise."""


class Formation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many instances of one process type may run: between min and max, on demand.

    `web=2` is min=max=2; `web=0..2` stops after `idle_s` without a request and wakes on the next.
    `boot_s_max`: how long a start may take to become ready (Heroku's R10 is 60 s). `concurrency`:
    when a web process has more requests than that in hand for each instance, there is another; an
    instance of a function takes no more than that.
    """

    min: int
    max: int
    size: str = "basic"
    idle_s: float = 600.0
    boot_s_max: float = 60.0
    concurrency: int = CONCURRENCY

    @property
    def text(self) -> str:
        return str(self.max) if self.min == self.max else f"{self.min}..{self.max}"


class Probe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a web instance shows that it is ready: it answers GET `path`, each time within
    `timeout_s`, with a status below `status_below`. `path` '': it listens, and no more is asked.

    `once`: only until the release has proven itself, not on every restart and every waking.
    """

    path: str = ""
    timeout_s: float = 5.0
    status_below: int = 400
    once: bool = False


DEFAULT_PROBE = Probe("/", status_below=500, once=True)
"""A release whose front page is an error is not let through; a page behind a login is. What it
depends on may be away later: then the app's own answer is better than none."""
HEALTHY_BELOW = 400
"""A page that somebody names for this says so with a 2xx or a 3xx: a 404 is a slip of the pen."""


UpkeepMode = Literal["enforce", "report", "freeze"]


class Upkeep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is done where the world is not as intended.

    'enforce': it is made so. 'report': what outsiders changed is told and left, Changes are carried
    out. 'freeze': nothing is started, stopped or replaced. `until_s`: unix seconds, 'enforce' from
    then on; None: until somebody says otherwise.
    """

    mode: UpkeepMode
    until_s: float | None = None

    def holds(self, now_s: float) -> bool:
        return self.mode != "enforce" and (self.until_s is None or now_s < self.until_s)


class Drain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the log goes, too. `to`: what of its address may be shown; `url`: all of it.
    `since_s`: unix seconds; lines from then on."""

    to: str
    url: SecretRef
    since_s: float


DUE_S = 14 * 86_400.0
"""Before the end of a certificate."""


class Certificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One that somebody brought, and what can be said of it. `pem`: its chain and key. `names`: the
    hosts it is for; `domains`: those of the app that are served with it, sorted. `trusted`: by this
    machine, when it came."""

    pem: SecretRef
    fingerprint: str
    starts_at_s: float
    expires_at_s: float
    names: tuple[str, ...] = ()
    issuer: str = ""
    subject: str = ""
    trusted: bool = False
    domains: tuple[str, ...] = ()

    @property
    def due_s(self) -> float:
        """When it is time for the next: of one that lives for days only, the last third of them."""
        return self.expires_at_s - min(DUE_S, (self.expires_at_s - self.starts_at_s) / 3)

    def covers(self, host: str) -> bool:
        return covered(self.names, host)


def covered(names: Sequence[str], host: str) -> bool:
    """A wildcard stands for one label."""
    return host in names or f"*.{host.partition('.')[2]}" in names


class Webhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is told of what happens. `include`: kinds of events. `level`: 'notify' is tried
    once, 'sync' again and again. `to`: what of the address may be shown. `secret`: signs what is
    sent; `authorization`: a header. `since_s`: unix seconds."""

    include: tuple[str, ...]
    level: Literal["notify", "sync"]
    to: str
    url: SecretRef
    secret: SecretRef
    since_s: float
    authorization: SecretRef | None = None

    @property
    def sealed(self) -> tuple[SecretRef, ...]:
        more = (self.authorization,) if self.authorization is not None else ()
        return (self.url, self.secret, *more)


class Setup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How it began, by its app.json. `postdeploy`: runs once, when it first serves; `predestroy`:
    before a review app ends; `branch`: of a review app. `at_s`: unix seconds."""

    at_s: float
    postdeploy: str = ""
    predestroy: str = ""
    branch: str = ""


class AppIntent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One app's intent document. `deleted`: the app should cease to be.

    `config` maps keys to references, never to values. `restarted_at_s`: unix seconds or None;
    `restarted`: the same for single process types. `rollback_to`: the version of the release whose
    slug is to run instead of what would be built from `source`; None after the next deploy.
    """

    id: AppId
    name: str
    source: Source | None = None
    config: dict[str, SecretRef] = {}
    formation: dict[str, Formation] = {}
    invoke_key: SecretRef | None = None
    restarted_at_s: float | None = None
    deleted: bool = False
    restarted: dict[str, float] = {}
    rollback_to: int | None = None
    maintenance: bool = False
    """visitors get a page that says so; everything else goes on"""
    probes: dict[str, Probe] = {}
    release_s_max: float | None = None
    """how long the release phase may take"""
    buildpacks: tuple[str, ...] = ()
    """run in this order by the next build; none: the builder sees for itself what the app is"""
    cache_since_s: float | None = None
    """what builds kept for later ones before this time is thrown away"""
    upkeep: Upkeep | None = None

    egress: Egress = ()
    """whom its processes may connect to; (): nobody said anything"""
    domains: tuple[str, ...] = ()
    """hosts it answers at besides its own, sorted; no other app does"""
    access: dict[str, Role] = {}
    """who may do what to it besides its owner and administrators, by email"""
    drains: dict[str, Drain] = {}
    """by id"""
    pipeline: Coupling | None = None
    certificates: dict[str, Certificate] = {}
    """of its domains, by name"""
    webhooks: dict[str, Webhook] = {}
    """by id"""
    setup: Setup | None = None
    isolation_level_min: Level | None = None
    """nothing of it runs at a lower one"""
    region: str = ""
    """where it is to run; '': nobody said anything"""
    acm: bool = False
    """certificates for its domains are to be had by themselves (Heroku's ACM)"""

    @property
    def uploads(self) -> frozenset[Digest]:
        """All archives it names: its source, and buildpacks of the user's own."""
        named = {
            Digest(text.rpartition(UPLOADED)[2]) for text in self.buildpacks if UPLOADED in text
        }
        return frozenset(named | ({self.source.digest} if self.source is not None else set()))

    @property
    def sealed(self) -> tuple[SecretRef, ...]:
        """Values in it that must not be told by the way."""
        key = (self.invoke_key,) if self.invoke_key is not None else ()
        drains = (drain.url for drain in self.drains.values())
        hooks = (ref for hook in self.webhooks.values() for ref in hook.sealed)
        return (*self.config.values(), *key, *drains, *hooks)

    @property
    def sends(self) -> bool:
        """Is something of it sent elsewhere?"""
        return bool(self.drains or self.webhooks)

    def upkeep_at(self, now_s: float) -> Upkeep | None:
        """None where everything is enforced, as it is unless somebody says otherwise."""
        return self.upkeep if self.upkeep is not None and self.upkeep.holds(now_s) else None

    def formation_of(self, process: str, kind: ProcessKind) -> Formation:
        """What is intended for one process type: as it was said, else Heroku's default."""
        return self.formation.get(process) or default_formation(process, kind)

    def probe_of(self, process: str, kind: ProcessKind) -> Probe | None:
        """None where nothing listens for requests, or the runtime tells by itself."""
        return self.probes.get(process, DEFAULT_PROBE) if kind == "web" else None

    def restarted_s(self, process: str) -> float | None:
        """The last time somebody wanted instances of this type afresh."""
        times = [t for t in (self.restarted_at_s, self.restarted.get(process)) if t is not None]
        return max(times, default=None)


class Unit(msgspec.Struct, frozen=True):
    """An intent document with its place in time. `etag` guards whole-document writes.

    `source_change`: seq of the Change that last set `intent.source`, 0 if none.
    """

    intent: AppIntent
    incarnation: int
    generation: int
    rev: int
    owner: str
    created_at_s: float
    updated_at_s: float
    last_change: int
    source_change: int = 0
    shape_change: int = 0
    """seq of the Change that last altered what a release copies (source or config)"""
    shape_summary: str = ""
    """that Change's summary: the release's description, in Heroku's words"""

    @property
    def fence(self) -> Fence:
        return Fence(self.incarnation, self.generation)

    @property
    def id(self) -> AppId:
        return self.intent.id

    @property
    def name(self) -> str:
        return self.intent.name

    @property
    def etag(self) -> str:
        return f'"{self.rev}"'


def default_formation(process: str, kind: ProcessKind) -> Formation:
    """Heroku's default: one web, none of anything else; a deployed function serves at once, with
    the gigabyte that Salesforce gave it."""
    if kind == "function":
        return Formation(1, 1, size=FUNCTION_SIZE)
    wanted = int(process == "web")
    return Formation(wanted, wanted)
