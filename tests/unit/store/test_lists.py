"""Lists keep what they decoded, and tell what is so all the same."""

import msgspec

from setpoint.model.ids import AppId
from setpoint.store.sqlite import open_in_memory, open_store
from setpoint.store.sqlite.lists import Kept, Lists, Unwritten
from tests.support.memory import created, run, shop, write


def test_what_is_the_same_is_read_once_and_what_is_not_again():
    read = list[str]()

    def once(row):
        read.append(row[0])
        return row[0]

    kept = Kept(once, rows_max=2)
    rows = [("a", "one"), ("b", "two"), ("c", "three")]
    assert list(kept.all(rows).values()) == ["one", "two", "three"]
    assert list(kept.all(rows).values()) == ["one", "two", "three"]
    assert read == ["one", "two", "three", "three"]  # there is room for two
    read.clear()
    assert list(kept.all([("b", "zwei"), ("c", "three")]).values()) == ["zwei", "three"]
    assert list(kept.all([("a", "one"), ("b", "zwei")]).values()) == ["one", "zwei"]
    assert read == ["zwei", "three", "one"]  # what had gone was forgotten


def test_a_change_is_in_the_next_list_and_what_is_damaged_behind_our_back_is_not(tmp_path):
    async def story():
        store = open_store(tmp_path / "store.db", tmp_path / "key")
        unit = await created(store)
        other = await created(store, shop(id=AppId("another"), name="another"))
        assert await store.units() == (other, unit)
        closed = msgspec.structs.replace(unit.intent, maintenance=True)
        unit = await write(store, unit, closed)
        assert await store.units() == (other, unit)
        spoil = "UPDATE unit SET intent = x'7b' WHERE id = ?"  # at the same revision
        await store._writer.run(lambda db: db.execute(spoil, (other.id,)))
        assert await store.units() == (unit,)
        await store.forget(unit.id)
        assert await store.units() == ()
        await store.close()

    run(story())


def test_nothing_is_read_again_until_something_is_written_by_anybody(tmp_path):
    async def story(store):
        read = list[int]()
        lists = Unwritten(lambda db: read.append(len(read)) or len(read))
        assert [await lists.told(store._reader) for _ in range(3)] == [1, 1, 1]
        await store.tell("something")
        assert [await lists.told(store._reader) for _ in range(2)] == [2, 2]
        await store.close()

    async def both():
        await story(open_store(tmp_path / "store.db", tmp_path / "key"))
        await story(open_in_memory())

    run(both())


def test_only_so_many_stay_decoded(tmp_path):
    async def story():
        store = open_store(tmp_path / "store.db", tmp_path / "key")
        for number in range(5):
            await created(store, shop(id=AppId(f"app-{number}"), name=f"app-{number}"))
        lists = Lists(store._reader, 1, apps_max=3)
        assert len(await lists.units()) == 5
        assert len(lists._decoded._kept) == 3
        await store.close()

    run(story())
