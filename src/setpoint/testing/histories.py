"""Random histories: people who change their minds, and a world that does not hold still.

Changes go through the daemon of the moment, as requests do: it may die under them, and then
nobody knows whether they were kept. Only what was acknowledged must never be lost.
"""

import random
from collections.abc import Callable

import msgspec

from setpoint.model.app import AppIntent, Formation, SecretRef, Source, Unit, Upkeep
from setpoint.model.egress import INTERNET, NONE, Egress
from setpoint.model.errors import Refused, StoreError
from setpoint.model.ids import AppId, JobId
from setpoint.model.job import Job
from setpoint.store.port import Committed, Store, UnitWrite
from setpoint.testing import builders
from setpoint.testing.faults import Crash, Life
from setpoint.testing.programs import BREAKING, PROGRAMS
from setpoint.testing.world import World

NAMES = ("shop", "api", "docs")
PLAINTEXT = "plaintext-that-must-not-leak"
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
WAYS_OUT: tuple[Egress, ...] = ((), INTERNET, NONE, ("internet", "10.0.3.0/24"))


class People:
    """`acknowledged`: seq of every Change somebody was told had been kept."""

    def __init__(self, world: World, luck: random.Random) -> None:
        self._world = world
        self._luck = luck
        self._made = 0
        self.acknowledged: list[int] = []

    async def act(self) -> None:
        """One request of somebody's, whatever comes of it."""
        life = self._asked()
        if life is None:
            return
        store = self._world.held(life)
        try:
            committed = await self._change(store)
        except (Crash, StoreError, Refused):
            return
        if committed is None:
            return
        if life.tenure != self._world.store.tenure:
            self._world.watch.violated(
                f"c{committed.change} was kept by a daemon that was replaced"
            )
        self.acknowledged.append(committed.change)
        if not self._world.faults.strikes(self._world.faults.rates.deaf):
            self._world.wake(committed.units[0].id)

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

    async def _change(self, store: Store) -> Committed | None:
        name = self._luck.choice(NAMES)
        unit = await store.unit_named(name)
        if unit is None:
            return await self._create(store, name)
        if unit.intent.deleted:
            return None
        if self._luck.random() < 0.1:
            await self._run(store, unit)
            return None
        return await self._alter(store, unit)

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
                ("app.egress", self._open),
                ("app.wish", self._wish),
            ),
            (4, 4, 1, 1, 0.5, 0.6, 0.8, 0.4, 0.6),
        )[0]
        if alter is _destroy and _is_frozen(unit, self._world.now_s):
            verb, alter = "app.keep", self._keep  # as the door refuses the other
        if self._luck.random() < 0.15:
            verb, alter = "release.rollback", await self._rollback(store, unit)
        if self._luck.random() < 0.25:
            return await self._configure(store, unit)
        if self._luck.random() < 0.05:
            return await self._two_at_once(store, unit)
        return await self._commit(store, verb, alter(unit.intent), unit.rev, {})

    async def _configure(self, store: Store, unit: Unit) -> Committed:
        key, value = self._luck.choice(
            (("GREETING", PLAINTEXT), ("GREETING", PLAINTEXT), (BREAKING, "1"), (BREAKING, ""))
        )
        ref = self._secret(key)
        config = {**unit.intent.config, key: ref}
        document = msgspec.structs.replace(unit.intent, config=config)
        return await self._commit(store, "config.set", document, unit.rev, {ref.key: value})

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
        formation = {**document.formation, process: self._luck.choice(FORMATIONS)}
        return msgspec.structs.replace(document, formation=formation)

    def _keep(self, document: AppIntent) -> AppIntent:
        """Freeze it, only be told of its drift, or neither; for a while or until further notice."""
        mode = self._luck.choice(("freeze", "report", "enforce"))
        until_s = self._luck.choice((None, self._world.now_s + self._luck.random() * FROZEN_S_MAX))
        upkeep = None if mode == "enforce" else Upkeep(mode, until_s)
        return msgspec.structs.replace(document, upkeep=upkeep)

    def _open(self, document: AppIntent) -> AppIntent:
        return msgspec.structs.replace(document, egress=self._luck.choice(WAYS_OUT))

    def _wish(self, document: AppIntent) -> AppIntent:
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
            self._made += 1
            id, now_s = JobId(f"{self._made:032x}"), self._world.now_s
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


def _is_frozen(unit: Unit, now_s: float) -> bool:
    upkeep = unit.intent.upkeep_at(now_s)
    return upkeep is not None and upkeep.mode == "freeze"


def _maintain(document: AppIntent) -> AppIntent:
    return msgspec.structs.replace(document, maintenance=not document.maintenance)


def _destroy(document: AppIntent) -> AppIntent:
    return msgspec.structs.replace(document, deleted=True)
