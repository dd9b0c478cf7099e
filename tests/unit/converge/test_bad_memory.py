"""Memory that is damaged, full or newer than the program, clocks that jump, a driver that lies.

Each becomes a named condition, nothing is lost, and other apps go on. On the real store.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from logging import getLogger
from pathlib import Path
from typing import cast

import msgspec
import pytest

from setpoint.converge.collector import Collector
from setpoint.converge.footing import Footing
from setpoint.converge.loop import Loop, Settings
from setpoint.converge.proofreading import Proofreading
from setpoint.drivers.ports import Driver, Edge
from setpoint.model.app import AppIntent, Formation, SecretRef
from setpoint.model.change import Actor
from setpoint.model.clock import Moment
from setpoint.model.condition import Condition, ConditionType, InstallationCondition, find
from setpoint.model.errors import StoreError, StoreFull, StoreReadOnly, Unreadable
from setpoint.model.ids import AppId
from setpoint.model.process import SetOrder
from setpoint.model.retention import Ground
from setpoint.planning import installation
from setpoint.store.port import UnitWrite
from setpoint.store.sqlite import SqliteStore, open_in_memory
from setpoint.store.sqlite.inline import Inline
from setpoint.store.sqlite.refusing import Refusing
from setpoint.testing import builders
from setpoint.testing.edge import SimEdge
from setpoint.testing.loop import run
from setpoint.testing.machine import Machine
from setpoint.testing.programs import PROGRAMS
from setpoint.testing.supervisor import SimSupervisor
from setpoint.views import apps

SHOP, API = AppId("0000-shop"), AppId("0000-api")
ADMIN = Actor("dev", "dev@example.com", "admin")
YEAR_S = 365 * 86_400.0
LONG_S = 900.0
"""Well beyond the grace of an orphan."""


class Liar(SimSupervisor):
    """Says that it has applied what it was told of `lies_about`, and has not."""

    lies_about: AppId | None = None

    async def apply(self, order: SetOrder, environment: Mapping[str, str]) -> None:
        if order.key.app != self.lies_about:
            await super().apply(order, environment)


class Plane:
    """The loop over the real store, in a simulated world. `ahead_s`: how wrong its clock is."""

    def __init__(self, store: SqliteStore) -> None:
        loop = asyncio.get_running_loop()
        self.store = store
        self.supervisor = Liar(loop, Machine(loop))
        self.edge = SimEdge(loop, self.supervisor)
        self.ahead_s = 0.0
        self.ground = Ground()
        self._tokens = 0
        self.loop = Loop(
            store,
            cast("Driver", self.supervisor),
            cast("Edge", self.edge),
            now=self.now_s,
            luck=random.Random(1).random,
            new_token=self._token,
            log=getLogger("tests"),
            settings=Settings(orphan_grace_s=60.0),
        )
        self.collector = Collector(
            store,
            cast("Driver", self.supervisor),
            now=self.now_s,
            luck=random.Random(2).random,
            new_token=self._token,
            log=getLogger("tests"),
            doubt=self.doubt,
        )
        self.footing_starts()

    def footing_starts(self) -> None:
        self.footing = Footing(
            self.store,
            moment=lambda: Moment("boot", asyncio.get_running_loop().time(), self.now_s()),
            ground=lambda: self.ground,
            log=getLogger("tests"),
            on_change=lambda condition: self.loop.again() if condition.status else None,
        )
        self._standing = asyncio.create_task(self.footing.run())

    def footing_stops(self) -> None:
        self._standing.cancel()

    def doubt(self) -> str:
        return self.footing.doubt()

    @property
    def writable(self) -> InstallationCondition:
        return self.footing.conditions[0]

    @property
    def steady(self) -> InstallationCondition:
        return self.footing.conditions[1]

    def now_s(self) -> float:
        return asyncio.get_running_loop().time() + self.ahead_s

    def _token(self) -> str:
        self._tokens += 1
        return f"t{self._tokens}"

    async def create(self, *apps: AppId) -> None:
        for app in apps:
            source = PROGRAMS[0].digest
            document = builders.intent(app, app.split("-")[1], source=source)
            await self._commit(document, None)
        for app in apps:
            await self.settled(app)

    async def scale(self, app: AppId, count: int) -> None:
        unit = await self.store.unit(app)
        assert unit is not None
        formation = {"web": Formation(count, count)}
        await self._commit(msgspec.structs.replace(unit.intent, formation=formation), unit.rev)

    async def configure(self, app: AppId, size: int) -> None:
        """A config var of so many bytes."""
        unit, ref = await self.store.unit(app), SecretRef("big", 1)
        assert unit is not None
        document = msgspec.structs.replace(unit.intent, config={"BIG": ref})
        asked, value = builders.asked(self.now_s()), {ref.key: "v" * size}
        await self.store.commit(asked, "change", "Change", [UnitWrite(document, unit.rev)], value)

    async def _commit(self, document: AppIntent, rev: int | None) -> None:
        asked = builders.asked(self.now_s())
        await self.store.commit(asked, "change", "Change", [UnitWrite(document, rev)])
        self.loop.wake(document.id)

    async def sql(self, text: str, *values: object) -> list[tuple]:
        return await self.store._writer.run(lambda db: db.execute(text, values).fetchall())

    def pragma(self, text: str) -> list[tuple]:
        """On the connection itself: a transaction may be what fails."""
        return self.store._writer._db.execute(f"PRAGMA {text}").fetchall()

    async def condition(self, app: AppId, type_: ConditionType) -> Condition | None:
        status = await self.store.status(app)
        return find(status.conditions, type_) if status is not None else None

    async def says(self, app: AppId, type_: ConditionType, reason: str) -> Condition:
        """Waits until it does."""
        for _ in range(2000):
            told = await self.condition(app, type_)
            if told is not None and (told.status, told.reason) == (True, reason):
                return told
            await asyncio.sleep(0.5)
        raise AssertionError(f"{app} never said {reason}: {await self.store.status(app)}")

    async def settled(self, app: AppId) -> None:
        unit = await self.store.unit(app)
        assert unit is not None
        for _ in range(2000):
            told = await self.condition(app, ConditionType.READY)
            if told is not None and told.status and told.observed_generation == unit.generation:
                progressing = await self.condition(app, ConditionType.PROGRESSING)
                if progressing is not None and not progressing.status:
                    return
            await asyncio.sleep(0.5)
        raise AssertionError(f"{app} did not settle: {await self.store.status(app)}")

    def ready(self, app: AppId) -> int:
        return sum(s.ready for k, s in self.supervisor.slots.items() if k.app == app)


def play(story: Callable[[Plane], Awaitable[None]]) -> None:
    async def whole() -> None:
        store = open_in_memory()
        plane = Plane(store)
        going = asyncio.create_task(plane.loop.run())
        try:
            await story(plane)
            assert not going.done(), "the loop ended"
        finally:
            going.cancel()
            await asyncio.gather(going, return_exceptions=True)
            await store.close()

    run(whole(), random.Random(3))


async def left_alone_and_others_go_on(plane: Plane) -> None:
    """Shop is as it was, and told of; api does as it is told; nothing is collected."""
    told = await plane.says(SHOP, ConditionType.STALLED, "Unreadable")
    assert told.message.startswith("cannot read an intent from the store: ")
    assert "restore a backup" in told.message
    await plane.scale(API, 3)
    await plane.settled(API)
    await asyncio.sleep(LONG_S)
    assert (plane.ready(SHOP), plane.ready(API)) == (1, 3)
    assert plane.edge.target(SHOP, "web") is not None
    with pytest.raises(Unreadable):
        await plane.store.unit_named("shop")
    done = await plane.collector.collect(dry_run=False)
    assert done.left == "what is intended for shop cannot be read"
    assert (done.let_go, done.removals, done.cache_bytes) == ((), (), 0)


@pytest.mark.parametrize(
    "damage",
    [
        b'{"id":"0000-sh',
        b"\xff\xfe\x00",
        b"[]",
        b'{"id":"0000-shop","name":"shop","config":{"A":"plain"}}',
    ],
    ids=["cut-short", "no-text", "no-document", "wrong-type"],
)
def test_an_intent_that_cannot_be_read_is_named_and_its_app_left_as_it_is(damage: bytes):
    async def story(plane: Plane) -> None:
        await plane.create(SHOP, API)
        ((good,),) = await plane.sql("SELECT intent FROM unit WHERE id = ?", SHOP)
        await plane.sql("UPDATE unit SET intent = ? WHERE id = ?", damage, SHOP)
        await left_alone_and_others_go_on(plane)
        await plane.sql("UPDATE unit SET intent = ? WHERE id = ?", good, SHOP)
        await plane.settled(SHOP)
        await plane.scale(SHOP, 2)
        await plane.settled(SHOP)

    play(story)


def test_an_intent_of_a_newer_version_is_not_read_without_what_it_adds():
    async def story(plane: Plane) -> None:
        await plane.create(SHOP, API)
        ((good,),) = await plane.sql("SELECT intent FROM unit WHERE id = ?", SHOP)
        newer = msgspec.json.encode({**msgspec.json.decode(good), "gravity": "low"})
        await plane.sql("UPDATE unit SET intent = ? WHERE id = ?", newer, SHOP)
        await left_alone_and_others_go_on(plane)
        told = await plane.condition(SHOP, ConditionType.STALLED)
        assert told is not None
        assert "gravity" in told.message
        assert await plane.sql("SELECT intent FROM unit WHERE id = ?", SHOP) == [(newer,)]

    play(story)


def test_a_release_that_cannot_be_read_is_named_and_its_app_left_as_it_is():
    async def story(plane: Plane) -> None:
        await plane.create(SHOP, API)
        await plane.sql("UPDATE release SET body = ? WHERE app = ?", b"{", SHOP)
        await plane.scale(SHOP, 2)
        told = await plane.says(SHOP, ConditionType.STALLED, "Unreadable")
        assert told.message.startswith("cannot read a release from the store: ")
        await plane.scale(API, 3)
        await plane.settled(API)
        assert (plane.ready(SHOP), plane.ready(API)) == (1, 3)

    play(story)


@pytest.mark.parametrize("column", ["conditions", "summary"])
def test_a_status_that_cannot_be_read_says_so_until_it_is_concluded_anew(column: str):
    async def story(plane: Plane) -> None:
        async def told() -> tuple[str, str, int]:
            shop = await apps.info(plane.store, ADMIN, "shop", 80, plane.now_s())
            return shop.state, shop.message, len(shop.urls)

        await plane.create(SHOP)
        assert await told() == ("settled", "", 1)
        await plane.sql(f"UPDATE status SET {column} = ? WHERE unit = ?", b"{", SHOP)
        state, message, urls = await told()
        assert (state, message[:43]) == (
            "converging",
            "what was last seen of it cannot be read; it",
        )
        assert urls == (column == "conditions"), "what can be read of it is told"
        await asyncio.sleep(600.0)
        assert await told() == ("settled", "", 1)

    play(story)


@pytest.mark.parametrize(
    "damage",
    ["state = 'eaten'", "kind = 'what'", "state = 'eaten', because = '', token = ''"],
    ids=["state", "kind", "much"],
)
def test_a_damaged_entry_of_the_journal_is_told_as_one_and_ends_nothing(damage: str):
    async def story(plane: Plane) -> None:
        await plane.create(SHOP, API)
        ((newest,),) = await plane.sql("SELECT max(id) FROM journal WHERE app = ?", SHOP)
        await plane.sql(f"UPDATE journal SET {damage} WHERE id = ?", newest)
        plane.loop.wake(SHOP)
        await plane.scale(SHOP, 2)
        await plane.settled(SHOP)
        await proofread(plane)
        for app, reasons in ((SHOP, ["EntryUnreadable"]), (API, [])):
            assert [c.reason for c in await recorded(plane, app)] == reasons
        (found,) = await recorded(plane, SHOP)
        assert not found.status
        assert found.message.startswith(f"entry {newest} of the journal is damaged")
        entries = await plane.store.journal(SHOP)
        (told,) = [e for e in entries if e.verb == "unreadable"]
        assert told.because.startswith(f"entry {newest} of the journal is damaged")
        assert [e.id for e in entries] == sorted((e.id for e in entries), reverse=True)
        await plane.scale(API, 3)
        await plane.settled(API)
        assert (plane.ready(SHOP), plane.ready(API)) == (2, 3)
        await plane.sql(
            "UPDATE journal SET state = 'succeeded', kind = 'step' WHERE id = ?", newest
        )
        await proofread(plane)
        assert await recorded(plane, SHOP) == (), "it is over once it can be read again"

    play(story)


async def proofread(plane: Plane) -> None:
    await Proofreading(plane.store, getLogger("tests")).read_over()


async def recorded(plane: Plane, app: AppId) -> tuple[Condition, ...]:
    """What somebody who asks for it is told."""
    unit = await plane.store.unit(app)
    assert unit is not None
    told = await apps.info(plane.store, ADMIN, unit.name, 80, plane.now_s())
    return tuple(c for c in told.conditions if c.type is ConditionType.RECORDED)


def test_what_is_read_of_a_damaged_entry_is_known_at_once_and_one_that_goes_is_forgotten():
    async def story(plane: Plane) -> None:
        await plane.create(SHOP)
        await plane.sql("UPDATE journal SET state = 'eaten' WHERE app = ?", SHOP)
        count = len(await plane.store.journal(SHOP))
        (found,) = await recorded(plane, SHOP)
        assert f"and {count - 1} more cannot be read" in found.message
        await plane.sql("DELETE FROM journal WHERE app = ?", SHOP)
        await proofread(plane)
        assert await recorded(plane, SHOP) == ()

    play(story)


def test_a_command_runs_at_each_moment_once_and_goes_on_after_the_clock_was_set_back():
    """Six hours are more moments than a pass looks at."""
    by_s = 6 * 3600.0

    async def story(plane: Plane) -> None:
        await plane.create(API)
        source = next(p.digest for p in PROGRAMS if p.schedule)
        await plane._commit(builders.intent(SHOP, "shop", source=source), None)
        await asyncio.sleep(by_s + 3600.0)
        before = await plane.store.jobs(SHOP, 10_000)
        plane.ahead_s -= by_s
        await asyncio.sleep(3600.0)
        assert {j.id for j in await plane.store.jobs(SHOP, 10_000)} == {j.id for j in before}
        for app in (SHOP, API):
            stalled = await plane.condition(app, ConditionType.STALLED)
            assert stalled is not None
            assert not stalled.status, stalled
            await plane.scale(app, 2)
            await plane.settled(app)
        await asyncio.sleep(by_s)
        after = await plane.store.jobs(SHOP, 10_000)
        assert len(after) > len(before) + 10
        dues = [j.due_s for j in after]
        assert len(dues) == len({*dues})

    play(story)


async def fill(plane: Plane) -> None:
    for _ in range(1000):
        await plane.store.tell("filler", text="x" * 900)


async def shut(plane: Plane, how: str) -> None:
    """As if the disk of the store were full, or mounted read-only."""
    if how == "full":
        ((pages,),) = plane.pragma("page_count")
        plane.pragma(f"max_page_count = {pages}")
        plane.ground = Ground(roomy=False)
        with pytest.raises(StoreError, match="the disk is full"):
            await fill(plane)
    else:
        plane.store._writer = Refusing(Path("/nowhere"), READ_ONLY)
        plane.ground = Ground(writable=False)


def open_again(plane: Plane) -> None:
    plane.store._writer = cast("Inline", plane.store._reader)
    plane.pragma("max_page_count = 1000000")
    plane.ground = Ground()


READ_ONLY = StoreReadOnly("cannot write to the store: it is read-only")
SHUT = [
    ("full", "StoreFull", "the disk is full"),
    ("read-only", "StoreReadOnly", "it is read-only"),
]


@pytest.mark.parametrize(("how", "reason", "fact"), SHUT, ids=["full", "read-only"])
def test_a_store_that_takes_no_writes_is_a_condition_and_loses_nothing(
    how: str, reason: str, fact: str
):
    async def story(plane: Plane) -> None:
        await plane.create(SHOP, API)
        assert plane.writable.status
        await shut(plane, how)
        await asyncio.sleep(10.0)
        since_s = plane.writable.since_s
        assert (plane.writable.status, plane.writable.reason) == (False, reason)
        with pytest.raises(StoreError, match=f"^cannot write to the store: {fact}"):
            await plane.configure(API, 70_000)
        before = await plane.store.changes(None)
        plane.supervisor.lose(next(k for k in plane.supervisor.slots if k.app == SHOP))
        await asyncio.sleep(LONG_S)
        assert plane.ready(API) == 1
        assert (plane.writable.status, plane.writable.since_s) == (False, since_s)
        was_down = plane.ready(SHOP) == 0
        open_again(plane)
        said = [e for e in await plane.store.journal(SHOP) if e.verb == "ensure-processes"]
        assert was_down or len(said) > 1, "a start that no entry had announced"
        await asyncio.sleep(5.0)
        assert (plane.writable.status, plane.writable.reason) == (True, "Writable")
        assert plane.ready(SHOP) == 1, "what waited began without help, and without its backoff"
        assert await plane.store.changes(None) == before
        told = [e for e in await plane.store.events(0, 10_000) if e.type == "installation.changed"]
        assert [msgspec.json.decode(e.body)["status"] for e in told] == [True]
        await plane.scale(API, 3)
        await plane.settled(API)

    play(story)


def test_a_full_store_that_still_takes_what_is_small_is_full_until_there_is_room():
    async def story(plane: Plane) -> None:
        await plane.create(SHOP)
        plane.ground = Ground(roomy=False)
        await asyncio.sleep(10.0)
        assert plane.writable.status, "nothing was refused"
        plane.store._writer.refusal = StoreFull("cannot write to the store: the disk is full")
        await asyncio.sleep(60.0)
        await plane.store.tell("small")
        assert (plane.writable.status, plane.writable.reason) == (False, "StoreFull")
        plane.ground = Ground()
        await asyncio.sleep(5.0)
        assert plane.writable.status

    play(story)


def test_a_disk_that_became_read_only_is_told_from_one_that_fails():
    failed = StoreError("cannot write to the store: disk I/O error (SQLITE_IOERR_WRITE)", "look")
    gone = installation.store_writable(installation.refusal(failed, Ground(writable=False)), 7.0)
    broken = installation.store_writable(installation.refusal(failed, Ground()), 7.0)
    assert (gone.reason, broken.reason) == ("StoreReadOnly", "StoreFailing")
    assert "disk I/O error (SQLITE_IOERR_WRITE); look" in broken.message


def test_a_driver_that_says_done_and_is_not_is_told_to_a_human():
    async def story(plane: Plane) -> None:
        await plane.create(SHOP, API)
        plane.supervisor.lies_about = SHOP
        await plane.scale(SHOP, 2)
        told = await plane.says(SHOP, ConditionType.STALLED, "NoEffect")
        assert told.message.startswith("ensure-processes web@v1: said to be done again and again")
        await plane.scale(API, 3)
        await plane.settled(API)
        plane.supervisor.lies_about = None
        await plane.settled(SHOP)
        assert (plane.ready(SHOP), plane.ready(API)) == (2, 3)

    play(story)


@pytest.mark.parametrize("ahead_s", [YEAR_S, -YEAR_S], ids=["ahead", "back"])
def test_a_clock_that_jumps_neither_ages_an_orphan_nor_anything_that_is_kept(ahead_s: float):
    async def story(plane: Plane) -> None:
        await plane.create(SHOP, API)
        kept = await plane.store.journal(SHOP)
        await plane.collector.collect(dry_run=False)
        orphan = builders.order(app=AppId("orphan"), code=PROGRAMS[0].digest)
        plane.supervisor.plant(orphan)
        await asyncio.sleep(31.0)
        plane.ahead_s = ahead_s
        await asyncio.sleep(15.0)
        assert not plane.supervisor.slots[orphan.key].retiring
        left = (await plane.collector.collect(dry_run=False)).left
        assert left.startswith(f"the clock jumped {YEAR_S:.0f} s (365 d) ")
        assert await plane.store.journal(SHOP) == kept
        assert (plane.steady.status, plane.steady.reason) == (False, "ClockJumped")
        await asyncio.sleep(120.0)
        assert orphan.key not in plane.supervisor.slots
        for app in (SHOP, API):
            await plane.scale(app, 2)
            await plane.settled(app)
        await asyncio.sleep(86_400.0)
        assert plane.steady.status
        assert (await plane.collector.collect(dry_run=False)).left == ""

    play(story)


def test_a_clock_that_is_put_right_again_is_believed_at_once():
    async def story(plane: Plane) -> None:
        await plane.create(SHOP)
        plane.ahead_s = YEAR_S
        await asyncio.sleep(3600.0)
        assert not plane.steady.status
        plane.ahead_s = 1.0
        await asyncio.sleep(5.0)
        assert plane.steady.status
        assert (await plane.collector.collect(dry_run=False)).left == ""
        told = [e for e in await plane.store.events(0, 10_000) if e.type == "installation.changed"]
        assert [msgspec.json.decode(e.body)["status"] for e in told] == [False, True]

    play(story)


def test_a_clock_is_doubted_from_the_moment_in_which_it_jumps():
    async def story(plane: Plane) -> None:
        await plane.create(SHOP)
        assert plane.doubt() == ""
        plane.ahead_s = YEAR_S
        assert plane.doubt().startswith("the clock jumped "), "before anybody looked"

    play(story)


def test_a_jump_is_told_once_however_often_the_daemon_begins_anew():
    async def story(plane: Plane) -> None:
        await plane.create(SHOP)
        plane.ahead_s = YEAR_S
        await asyncio.sleep(5.0)
        since_s = plane.steady.since_s
        plane.footing_stops()
        plane.footing_starts()
        await asyncio.sleep(60.0)
        assert (plane.steady.status, abs(plane.steady.since_s - since_s) < 5.0) == (False, True)
        told = [e for e in await plane.store.events(0, 10_000) if e.type == "installation.changed"]
        assert [msgspec.json.decode(e.body)["status"] for e in told] == [False]

    play(story)


def test_a_store_that_fails_for_some_is_not_well_because_a_mark_is_kept():
    async def story(plane: Plane) -> None:
        await plane.create(SHOP)
        for _ in range(5):
            plane.store._writer.refusal = StoreError("cannot write to the store: I/O error", "look")
            await asyncio.sleep(8.0)
            assert (plane.writable.status, plane.writable.reason) == (False, "StoreFailing")
        await asyncio.sleep(15.0)
        assert plane.writable.status

    play(story)


def test_the_next_life_of_the_daemon_doubts_a_clock_as_long_as_the_last_would_have():
    async def story(plane: Plane) -> None:
        await plane.create(SHOP)
        assert plane.steady.status
        plane.footing_stops()
        plane.ahead_s = YEAR_S
        plane.footing_starts()
        assert plane.doubt() != "", "before it has looked"
        await asyncio.sleep(5.0)
        assert plane.doubt().startswith("the clock jumped ")
        kept = await plane.store.journal(SHOP)
        assert (await plane.collector.collect(dry_run=False)).left != ""
        await asyncio.sleep(86_400.0 / 2)
        plane.footing_stops()
        plane.footing_starts()
        await asyncio.sleep(86_400.0 / 2 - 3600.0)
        assert not plane.steady.status
        assert await plane.store.journal(SHOP) == kept
        await asyncio.sleep(7200.0)
        assert plane.steady.status

    play(story)
