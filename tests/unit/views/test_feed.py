"""The feed: every event once and in order, to as many as watch, at whatever pace they read."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from setpoint.formats import cursor
from setpoint.formats.cursor import Cursor
from setpoint.model.app import AppIntent
from setpoint.model.change import Actor
from setpoint.model.errors import StoreError
from setpoint.model.ids import AppId
from setpoint.model.retention import DAY_S, Retention
from setpoint.store.port import Event, Store, UnitWrite
from setpoint.store.sqlite import open_in_memory
from setpoint.testing.loop import run
from setpoint.testing.store import SimStore
from setpoint.views import feed
from setpoint.views.feed import BOOKMARK_S, CANARY_S, Bookmark, Feed, Health, Lost
from setpoint.views.sight import Sight
from tests.support.memory import asked

OWNER = Actor("dev", "dev@example.com", reach="granted")
GUEST = Actor("guest", "guest@example.com", reach="granted")

Scene = Callable[["Feed", Any], Awaitable[None]]


@asynccontextmanager
async def running(store: Store) -> AsyncIterator[Feed]:
    began_s = asyncio.get_running_loop().time()
    made = Feed(store, lambda: 1000.0 + asyncio.get_running_loop().time() - began_s)
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def play(scene: Scene, make: Callable[[], Any] = open_in_memory) -> None:
    async def whole() -> None:
        store = make()
        async with running(store) as made:
            await scene(made, store)
        await store.close()

    run(whole(), random.Random(1))


async def taken(made: Feed, place: int, count: int, unit: str | None = None) -> list[Event]:
    """The next so many, without bookmarks."""
    found: list[Event] = []
    async with asyncio.timeout(20):
        async for told in made.watch(place, unit):
            if isinstance(told, Event):
                found.append(told)
            if len(found) == count:
                return found
    return found


@pytest.mark.parametrize("make", [open_in_memory, SimStore])
def test_what_is_written_is_told_at_once_to_everybody(make: Callable[[], Any]) -> None:
    async def scene(made: Feed, store: Any) -> None:
        await store.tell("before")
        watching = [asyncio.create_task(taken(made, 1, 50)) for _ in range(5)]
        for number in range(50):
            await store.tell("it", number=number)
        for found in await asyncio.gather(*watching):
            assert [e.cursor for e in found] == list(range(2, 52))

    play(scene, make)


def test_one_who_is_far_behind_reads_from_the_store_and_misses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed, "KEPT", 10)

    async def scene(made: Feed, store: Any) -> None:
        slow = made.watch(0)
        assert isinstance(await anext(slow), Bookmark)
        for number in range(500):
            await store.tell("it", number=number)
        quick = await taken(made, 400, 100)
        assert len(made._kept) <= 20  # pyright: ignore[reportPrivateUsage]
        seen = [told.cursor async for told in _first(slow, 500) if isinstance(told, Event)]
        assert seen == list(range(1, 501))
        assert [e.cursor for e in quick] == list(range(401, 501))

    play(scene)


async def _first(told: AsyncIterator[Any], count: int) -> AsyncIterator[Any]:
    while count:
        one = await anext(told)
        count -= isinstance(one, Event)
        yield one


def test_of_one_app_alone() -> None:
    async def scene(made: Feed, store: SimStore) -> None:
        for unit in ("a", "b", "", "a"):
            store._emit(unit, "it", {})  # pyright: ignore[reportPrivateUsage]
        store._committed()  # pyright: ignore[reportPrivateUsage]
        assert [e.cursor for e in await taken(made, 0, 2, "a")] == [1, 4]

    play(scene, SimStore)


def test_a_bookmark_comes_first_and_whenever_it_is_quiet() -> None:
    async def scene(made: Feed, store: Any) -> None:
        watching = made.watch(0)
        for quiet_s in (0.0, BOOKMARK_S, 2 * BOOKMARK_S):
            told = await anext(watching)
            assert isinstance(told, Bookmark)
            assert told.at_s == pytest.approx(1000.0 + quiet_s)
        await store.tell("it")
        told = [await anext(watching) for _ in range(3)]
        assert [t.type for t in told if isinstance(t, Event)] == ["it"]
        assert isinstance(told[-1], Bookmark)

    play(scene)


def test_the_floor_that_rises_under_a_slow_reader_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "KEPT", 1)

    async def scene(made: Feed, store: Any) -> None:
        slow = made.watch(0)
        await anext(slow)
        for _ in range(10):
            await store.tell("it")
        await store.prune(Retention(), 1.0)
        await store.prune(Retention(), 1.0 + 8 * DAY_S)
        await store.tell("later")
        await taken(made, 10, 1)
        with pytest.raises(Lost, match="kept no longer"):
            await anext(slow)
        with pytest.raises(Lost, match="kept no longer"):
            await made.place(cursor.encode(Cursor(1, 0)))

    play(scene)


def test_an_app_that_cannot_be_read_is_out_of_sight_of_all_but_its_owner_and_the_others_go_on() -> (
    None
):
    async def scene(made: Feed, store: Any) -> None:
        for name in ("shop", "other"):
            write = UnitWrite(AppIntent(AppId(name), name, access={GUEST.email: "view"}), None)
            await store.commit(asked(), "create", f"Create {name}", [write])
        spoil = "UPDATE unit SET intent = x'7b' WHERE id = 'shop'"
        await store._writer.run(lambda db: db.execute(spoil))
        for who, apps in ((OWNER, {"shop", "other"}), (GUEST, {"other"})):
            sight = Sight(store, who)
            told = made.watch(0, None, sight)
            seen = [e.unit async for e in _first(told, len(apps)) if isinstance(e, Event)]
            assert set(seen) == apps

    play(scene)


def test_a_cursor_of_another_history_is_lost_and_garbage_is_no_cursor() -> None:
    async def scene(made: Feed, store: Any) -> None:
        await store.tell("it")
        here = await made.here()
        assert await made.place(here) == 1
        for other in (Cursor(2, 1), Cursor(1, 2)):
            with pytest.raises(Lost, match="another history"):
                await made.place(cursor.encode(other))
        with pytest.raises(ValueError, match="no cursor"):
            await made.place("1")

    play(scene)


def test_the_canary_sings_only_while_somebody_watches_and_nobody_hears_it() -> None:
    async def scene(made: Feed, store: Any) -> None:
        assert made.health.staleness_s is None
        assert await store.events(0) == ()
        watching = made.watch(0)
        await anext(watching)
        await asyncio.sleep(CANARY_S)
        assert made.health == Health(watchers=1, staleness_s=0.0)
        await store.tell("it")
        told = [await anext(watching), await anext(watching)]
        assert [t.type for t in told if isinstance(t, Event)] == ["it"]
        await watching.aclose()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
        assert made.health.watchers == 0

    play(scene)


def test_a_feed_that_hears_nothing_is_stale() -> None:
    """The tail hangs: writes go on, and nothing of them arrives."""

    class Deaf(SimStore):
        async def news(self, after: int) -> None:
            await asyncio.Event().wait()

    async def scene(made: Feed, store: Any) -> None:
        watching = made.watch(0)
        await anext(watching)
        await asyncio.sleep(10 * CANARY_S)
        assert made.health.staleness_s == pytest.approx(10 * CANARY_S)
        assert len(store.log) == 1  # one canary is enough to miss

    play(scene, Deaf)


def test_a_store_that_fails_for_a_while_costs_no_event() -> None:
    class Shaky(SimStore):
        failures = 3

        async def news(self, after: int) -> None:
            await super().news(after)
            if self.failures:
                self.failures -= 1
                raise StoreError("cannot read from the store: it is busy")

    async def scene(made: Feed, store: Any) -> None:
        watching = asyncio.create_task(taken(made, 0, 2))
        await asyncio.sleep(0)
        await store.tell("one")
        await store.tell("two")
        assert [e.type for e in await watching] == ["one", "two"]

    play(scene, Shaky)


def test_a_body_is_as_it_was_written() -> None:
    async def scene(made: Feed, store: Any) -> None:
        await store.tell("it", name="shop", count=2)
        (event,) = await taken(made, 0, 1)
        assert msgspec.json.decode(event.body) == {"name": "shop", "count": 2}

    play(scene)
