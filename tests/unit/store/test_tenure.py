"""Two that have the same database open: the last one has it."""

import sqlite3

import pytest

from setpoint.model.errors import Superseded
from setpoint.store.sqlite import meta, open_store
from tests.support.memory import created, run, shop, write

OTHER = "cannot use the store: another daemon has taken over this data directory"


@pytest.fixture
def paths(tmp_path):
    return tmp_path / "store.db", tmp_path / "key"


def test_who_opened_it_before_writes_nothing_any_more_and_is_told(paths):
    async def story():
        before = open_store(*paths)
        unit = await created(before)
        after = open_store(*paths)
        with pytest.raises(Superseded, match=OTHER):
            await write(before, unit, shop(maintenance=True))
        told = await after.unit(unit.id)
        await before.close()
        await after.close()
        return unit, told

    unit, told = run(story())
    assert told == unit


def test_the_look_right_before_an_effect_is_refused_too(paths):
    async def story():
        before = open_store(*paths)
        unit = await created(before)
        await before.held()
        after = open_store(*paths)
        with pytest.raises(Superseded, match=OTHER):
            await before.unit(unit.id)
        with pytest.raises(Superseded, match=OTHER):
            await before.rev(unit.id)
        with pytest.raises(Superseded):
            await before.held()
        found = await before.units()
        await before.close()
        await after.close()
        return unit, found

    unit, found = run(story())
    assert found == (unit,), "what nobody acts on may be read"


def test_the_last_one_has_it_however_often_it_was_opened(paths):
    async def story():
        stores = [open_store(*paths) for _ in range(4)]
        unit = await created(stores[-1])
        for store in stores[:-1]:
            with pytest.raises(Superseded):
                await store.held()
        await write(stores[-1], unit, shop(maintenance=True))
        for store in stores:
            await store.close()

    run(story())


def test_who_opened_it_on_a_full_disk_has_it_once_there_is_room(paths, monkeypatch):
    def full(_db, _key, _value):
        raise sqlite3.OperationalError("database or disk is full")

    async def story():
        before = open_store(*paths)
        unit = await created(before)
        with monkeypatch.context() as patched:
            patched.setattr(meta, "put", full)
            after = open_store(*paths)
            assert await after.unit(unit.id) == unit
        await before.held()
        changed = await write(after, unit, shop(maintenance=True))
        with pytest.raises(Superseded, match=OTHER):
            await before.held()
        with pytest.raises(Superseded, match=OTHER):
            await write(before, unit, shop())
        assert await after.unit(unit.id) == changed
        await before.close()
        await after.close()

    run(story())
