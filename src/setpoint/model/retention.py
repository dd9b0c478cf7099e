"""How long what was made is kept, what lies on the disk, and what of it may go."""

from typing import Literal

import msgspec

from setpoint.model.app import MIB
from setpoint.model.ids import AppId, Digest

DAY_S = 24 * 3600.0


class Retention(msgspec.Struct, frozen=True):
    """`releases`: per app, those that can be gone back to. `builds_s`: results and output of builds
    without a release. `jobs`: rows per app. `cache_bytes_max`: per cache, of downloads or bytecode.
    `free_share_min`: below it nothing is deployed any more. `grace_s`: what was made or used within
    it stays on the disk, since a build that is not on record yet may lean on it. Seconds are ages.
    """

    releases: int = 10
    builds_s: float = 30 * DAY_S
    events_s: float = 7 * DAY_S
    journal_s: float = 90 * DAY_S
    jobs: int = 500
    jobs_s: float = 90 * DAY_S
    cache_bytes_max: int = 5 * 1024 * MIB
    free_share_min: float = 0.10
    grace_s: float = 3600.0


DEFAULTS = Retention()

Kind = Literal["code", "deps", "source", "build"]
"""Layers of code, layers of packages, uploaded archives, results and output of builds."""


class Thing(msgspec.Struct, frozen=True):
    """One thing on the disk. `name`: its digest, or the build's id. `at_s`: when it was made or
    last used, unix seconds. `bytes`: its share, where files are in several places at once.

    Of a build with a result: `app`, `source` and the `layers` it came to.
    """

    kind: Kind
    name: str
    bytes: int
    at_s: float
    app: AppId = AppId("")
    source: Digest = Digest("")
    layers: tuple[Digest, ...] = ()


class Stock(msgspec.Struct, frozen=True):
    """What lies on the disk. `rooms`: bytes by folder, everything counted once. `cache_bytes`: by
    cache. `bytes_total`: what is used and what is free; what is kept for root is neither."""

    things: tuple[Thing, ...] = ()
    rooms: dict[str, int] = {}
    cache_bytes: dict[str, int] = {}
    bytes_free: int = 0
    bytes_total: int = 0


class Removal(msgspec.Struct, frozen=True):
    """`because`: a sentence."""

    kind: Kind
    name: str
    bytes: int
    because: str


class LetGo(msgspec.Struct, frozen=True):
    """A release whose slug is kept no longer: it cannot be gone back to any more."""

    app: AppId
    version: int
    because: str


class Clearance(msgspec.Struct, frozen=True):
    """What a driver may remove. `before_s`: not what was made or used since then, unix seconds."""

    removals: tuple[Removal, ...]
    before_s: float
    cache_bytes_max: int


BUSY = "a build is under way"


class Cleared(msgspec.Struct, frozen=True):
    """What a driver did remove. `left`: why the rest was left for another time, or ''."""

    gone: tuple[Removal, ...] = ()
    cache_bytes: int = 0
    left: str = ""


class Pruned(msgspec.Struct, frozen=True):
    """Rows that left memory, or would."""

    journal: int = 0
    events: int = 0
    jobs: int = 0
    builds: int = 0
    secrets: int = 0
    keys: int = 0
    tokens: int = 0


class Headroom(msgspec.Struct, frozen=True):
    """Of the disk with the data directory, at `where`. `reclaimable_bytes`: what a collection would
    free, as far as the last look knew; None before the first."""

    bytes_free: int
    bytes_total: int
    where: str = ""
    reclaimable_bytes: int | None = None

    @property
    def percent_full(self) -> int:
        """Rounded down, so that 100 means that nothing is left."""
        return 100 - -(-100 * self.bytes_free // self.bytes_total) if self.bytes_total else 0


class Ground(msgspec.Struct, frozen=True):
    """Of the disk that the store lies on. `roomy`: a Change would find room there. `writable`: it
    is not mounted read-only."""

    roomy: bool = True
    writable: bool = True


class Collection(msgspec.Struct, frozen=True):
    """What a collection did, or would do. `at_s`: unix seconds. `bytes`: freed on the disk, about.

    `cache_bytes`: of them, in caches. `left`: why something stays for another time.
    """

    at_s: float
    dry_run: bool
    let_go: tuple[LetGo, ...] = ()
    removals: tuple[Removal, ...] = ()
    cache_bytes: int = 0
    pruned: Pruned = Pruned()
    left: str = ""

    @property
    def bytes(self) -> int:
        return sum(r.bytes for r in self.removals) + self.cache_bytes


class Disk(msgspec.Struct, frozen=True):
    """`rooms`: bytes by folder of the data directory, as last looked at `at_s` (None: never)."""

    headroom: Headroom
    percent_full: int
    low: bool
    """nothing is deployed until there is more room"""
    rooms: dict[str, int] = {}
    at_s: float | None = None
