"""Random histories: people who change their minds, and a world that does not hold still.

Changes go through the daemon of the moment, as requests do: it may die under them, and then
nobody knows whether they were kept. Only what was acknowledged must never be lost.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import msgspec

from setpoint.intents.door import Door
from setpoint.model.app import AppIntent, Formation, SecretRef, Source, Unit, Upkeep
from setpoint.model.errors import Conflict, Refused, StoreError
from setpoint.model.ids import AppId, JobId
from setpoint.model.job import Job
from setpoint.model.pipeline import Promotion
from setpoint.store.port import Committed, Store, UnitWrite
from setpoint.testing import builders
from setpoint.testing.faults import Crash, Life
from setpoint.testing.programs import PROGRAMS
from setpoint.testing.wishes import PLAINTEXT, Told, Wishes
from setpoint.testing.world import World

NAMES = ("shop", "api", "docs")
FORMATIONS = (
    Formation(1, 1, idle_s=20.0, boot_s_max=15.0),
    Formation(2, 2, idle_s=20.0, boot_s_max=15.0),
    Formation(3, 3, size="standard-2x", idle_s=20.0, boot_s_max=15.0),
    Formation(0, 2, idle_s=20.0, boot_s_max=15.0),
    Formation(0, 0),
    Formation(25, 25, idle_s=20.0, boot_s_max=15.0),
)
"""The last exceeds what the simulated machine offers: unmet, and the rest converges."""


RELEASE_S_MAX = 40.0
"""So that a release phase that hangs is no longer under way when all should be settled."""


FROZEN_S_MAX = 60.0
AT_ONCE: tuple[Formation, ...] = FORMATIONS[1:4]
"""No two of them share a bound, so a mix of two is neither."""


TRIES, AGAIN_S = 4, 1.5
"""Of somebody who gets no answer."""


class Kept(NamedTuple):
    """Changes that somebody was told had been kept, and the apps they are about."""

    changes: tuple[int, ...]
    apps: tuple[AppId, ...]


class People:
    """`acknowledged`: seq of every Change somebody was told had been kept; `promised`: ids of the
    promotions. `outcomes`: what two came to who wanted the same field at once."""

    def __init__(self, world: World, luck: random.Random) -> None:
        self._world = world
        self._luck = luck
        self._made = 0
        self._wishes = Wishes(random.Random(luck.random()))
        self.acknowledged: list[int] = []
        self.promised: list[str] = []
        self.outcomes: Counter[str] = Counter()

    async def act(self) -> None:
        """One request of somebody's, whatever comes of it."""
        life = self._asked()
        if life is None:
            return
        try:
            kept = await self._change(self._store(life))
        except (Crash, StoreError, Refused):
            return
        self._told(kept)

    async def _again_and_again(self, unit: Unit) -> None:
        """Wishes, until one of them was answered: whoever gets no answer asks once more."""
        for _ in range(TRIES):
            if (life := self._asked()) is not None:
                with contextlib.suppress(Crash, StoreError):
                    self._told(await self._wish(self._store(life), unit))
                    return
            await asyncio.sleep(AGAIN_S)

    def _store(self, life: Life) -> Store:
        return cast("Store", _Witnessed(self._world, life))

    def _told(self, kept: Kept | None) -> None:
        """Somebody was told so, and the daemon rings for it."""
        if kept is None or not kept.changes:
            return
        self.acknowledged += kept.changes
        for app in kept.apps:
            if not self._world.faults.strikes(self._world.faults.rates.deaf):
                self._world.wake(app)

    def _asked(self) -> Life | None:
        """The daemon of the moment, or one that is about to learn that it no longer is."""
        outlived = self._world.outlived
        haunts = outlived is not None and outlived.awake.is_set() and not outlived.died.is_set()
        return outlived if haunts and self._luck.random() < 0.5 else self._world.life

    async def thaw(self) -> None:
        """In the end nothing is frozen any more, and all that waited may come. Without faults."""
        for unit in list(self._world.store.rows.units.values()):
            if unit.intent.upkeep is not None and not unit.intent.deleted:
                document = msgspec.structs.replace(unit.intent, upkeep=None)
                await self._commit(self._world.store, "app.keep", document, unit.rev, {})
                self._world.wake(unit.id)

    async def _change(self, store: Store) -> Kept | None:
        name = self._luck.choice(NAMES)
        unit = await store.unit_named(name)
        if unit is None:
            return _kept(await self._create(store, name))
        if unit.intent.deleted:
            return None
        what = self._luck.random()
        if what < 0.1:
            await self._run(store, unit)
            return None
        if what < 0.45:
            return await self._again_and_again(unit)
        if what < 0.5:
            return await self._same_at_once(store, unit)
        return _kept(await self._alter(store, unit))

    async def _wish(self, store: Store, unit: Unit) -> Kept:
        apps: list[AppId] = []
        door = Door(store, apps.append, self._new_id, lambda: f"{PLAINTEXT}-{self._new_id()}")
        told = await self._wishes.ask(door, builders.asked(self._world.now_s), unit)
        if isinstance(told, Promotion):
            self.promised.append(told.id)
        return Kept(_changes(told, unit), tuple(apps))

    def _new_id(self) -> str:
        self._made += 1
        return f"{self._made:032x}"

    async def _create(self, store: Store, name: str) -> Committed:
        self._made += 1
        id = AppId(f"{self._made:08x}-{name}")
        document = builders.intent(id, name, source=None, formation={"web": FORMATIONS[0]})
        if self._luck.random() < 0.8:
            document = self._deploy(document)
        key = self._secret("key")
        document = msgspec.structs.replace(document, invoke_key=key)
        return await self._commit(store, "app.create", document, None, {key.key: PLAINTEXT})

    async def _alter(self, store: Store, unit: Unit) -> Committed:
        verb, alter = self._luck.choices(
            (
                ("release.deploy", self._deploy),
                ("formation.scale", self._scale),
                ("app.restart", self._restart),
                ("app.restart", self._restart_one),
                ("app.maintain", _maintain),
                ("app.destroy", _destroy),
                ("app.keep", self._keep),
                ("app.require", self._require),
            ),
            (4, 4, 1, 1, 0.5, 0.6, 0.8, 0.6),
        )[0]
        if alter is _destroy and _is_frozen(unit, self._world.now_s):
            verb, alter = "app.keep", self._keep  # as the door refuses the other
        if self._luck.random() < 0.15:
            verb, alter = "release.rollback", await self._rollback(store, unit)
        if self._luck.random() < 0.05:
            return await self._two_at_once(store, unit)
        return await self._commit(store, verb, alter(unit.intent), unit.rev, {})

    def _deploy(self, document: AppIntent) -> AppIntent:
        program = self._luck.choice(PROGRAMS)
        return msgspec.structs.replace(
            document, source=Source(program.digest), rollback_to=None, release_s_max=RELEASE_S_MAX
        )

    async def _two_at_once(self, store: Store, unit: Unit) -> Committed:
        """Two who read the same document change different fields of it: both changes stand."""
        scaled = self._scale(unit.intent)
        await self._commit(store, "formation.scale", scaled, unit.rev, {})
        maintained = _maintain(unit.intent)
        done = await self._commit(store, "app.maintain", maintained, unit.rev, {})
        told = done.units[0].intent
        if (told.formation, told.maintenance) != (scaled.formation, maintained.maintenance):
            self._world.watch.violated(f"one of two changes of {unit.name} undid the other")
        return done

    async def _same_at_once(self, store: Store, unit: Unit) -> Kept:
        """Two who read the same document want the same field to be something else: one of them has
        it, and the other is told. Which of them is luck."""
        process = self._luck.choice(("web", "worker"))
        wanted = self._luck.sample(AT_ONCE, 2)
        before = unit.intent.formation.get(process)
        if before in wanted:
            return Kept((), ())
        documents = [_scaled(unit.intent, process, formation) for formation in wanted]
        ends = await asyncio.gather(
            *(self._commit(store, "formation.scale", d, unit.rev, {}) for d in documents),
            return_exceptions=True,
        )
        self._judge(unit, process, before, wanted, ends)
        done = [end for end in ends if isinstance(end, Committed)]
        return Kept(tuple(d.change for d in done), (unit.id,))

    def _judge(
        self,
        unit: Unit,
        process: str,
        before: Formation | None,
        wanted: list[Formation],
        ends: list[Committed | BaseException],
    ) -> None:
        now = self._world.store.rows.units.get(unit.id)
        stands = now.intent.formation.get(process) if now is not None else before
        had = [n for n, end in enumerate(ends) if isinstance(end, Committed)]
        if len(had) == 2:
            self._world.watch.violated(f"two had {process} of {unit.name} at the same time")
        elif stands not in (before, *wanted):
            self._world.watch.violated(f"{process} of {unit.name} is a mix of what two wanted")
        elif had and stands != wanted[had[0]]:
            self._world.watch.violated(f"{process} of {unit.name} is what the refused one wanted")
        elif had and isinstance(ends[1 - had[0]], Conflict):
            self.outcomes["the first stands" if had == [0] else "the second stands"] += 1

    async def _rollback(self, store: Store, unit: Unit) -> Callable[[AppIntent], AppIntent]:
        """To any that served and can be gone back to; where there is none, a deploy."""
        served = [r for r in await store.releases(unit.id) if r.status == "succeeded"]
        good = [r for r in served if r.slug_kept]
        if not good:
            return self._deploy
        chosen = self._luck.choice(good)
        return lambda document: msgspec.structs.replace(
            document,
            source=Source(chosen.source),
            config=chosen.config,
            rollback_to=chosen.version,
        )

    def _scale(self, document: AppIntent) -> AppIntent:
        process = self._luck.choice(("web", "web", "worker", "greet"))
        return _scaled(document, process, self._luck.choice(FORMATIONS))

    def _keep(self, document: AppIntent) -> AppIntent:
        """Freeze it, only be told of its drift, or neither; for a while or until further notice."""
        mode = self._luck.choice(("freeze", "report", "enforce"))
        until_s = self._luck.choice((None, self._world.now_s + self._luck.random() * FROZEN_S_MAX))
        upkeep = None if mode == "enforce" else Upkeep(mode, until_s)
        return msgspec.structs.replace(document, upkeep=upkeep)

    def _require(self, document: AppIntent) -> AppIntent:
        """For a level that may be gone on a bad day, or a region that is never there."""
        return msgspec.structs.replace(
            document,
            isolation_level_min=self._luck.choice((None, "L2", "L3")),
            region=self._luck.choice(("", "local", "eu")),
        )

    def _restart(self, document: AppIntent) -> AppIntent:
        return msgspec.structs.replace(document, restarted_at_s=self._world.now_s)

    def _restart_one(self, document: AppIntent) -> AppIntent:
        process = self._luck.choice(("web", "worker"))
        restarted = {**document.restarted, process: self._world.now_s}
        return msgspec.structs.replace(document, restarted=restarted)

    async def _run(self, store: Store, unit: Unit) -> None:
        """A one-off command, or an end to one."""
        live = [job for job in await store.jobs(unit.id) if not job.final]
        if live and self._luck.random() < 0.4:
            await store.stop_job(unit.id, self._luck.choice(live).id)
        else:
            releases = await store.releases(unit.id, 1)
            if not releases:
                return
            id, now_s = JobId(self._new_id()), self._world.now_s
            await store.add_job(
                Job(id, unit.id, "run", f"run.{self._made}", "tidy up", releases[0].version,
                    asked_at_s=now_s)
            )  # fmt: skip
        self._world.wake(unit.id)

    def _secret(self, name: str) -> SecretRef:
        self._made += 1
        return SecretRef(f"{name.lower()}-{self._made}", 1)

    async def _commit(
        self,
        store: Store,
        verb: str,
        document: AppIntent,
        rev: int | None,
        secrets: dict[str, str],
    ) -> Committed:
        asked = builders.asked(self._world.now_s)
        write = UnitWrite(document, rev)
        return await store.commit(asked, verb, verb.capitalize(), [write], secrets)


class _Witnessed:
    """The store of one life, and somebody who sees whether it had a say when it kept something."""

    def __init__(self, world: World, life: Life) -> None:
        self._world = world
        self._life = life
        self._store = world.held(life)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, *args: Any, **named: Any) -> Committed:
        committed = await self._store.commit(*args, **named)
        if self._life.tenure != self._world.store.tenure:
            told = f"c{committed.change} was kept by a daemon that was replaced"
            self._world.watch.violated(told)
        return committed


def _kept(committed: Committed) -> Kept:
    return Kept((committed.change,), tuple(unit.id for unit in committed.units))


def _changes(told: Told, before: Unit) -> tuple[int, ...]:
    """What is so already is no Change, and a pipeline's own is not told here."""
    if isinstance(told, Unit):
        return (told.last_change,) if told.last_change != before.last_change else ()
    if isinstance(told, Promotion):
        return tuple(t.change for t in told.targets if t.change is not None)
    return ()


def _scaled(document: AppIntent, process: str, formation: Formation) -> AppIntent:
    formations = {**document.formation, process: formation}
    return msgspec.structs.replace(document, formation=formations)


def _is_frozen(unit: Unit, now_s: float) -> bool:
    upkeep = unit.intent.upkeep_at(now_s)
    return upkeep is not None and upkeep.mode == "freeze"


def _maintain(document: AppIntent) -> AppIntent:
    return msgspec.structs.replace(document, maintenance=not document.maintenance)


def _destroy(document: AppIntent) -> AppIntent:
    return msgspec.structs.replace(document, deleted=True)
