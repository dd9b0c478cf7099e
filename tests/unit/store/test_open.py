"""Opening a data directory: the key file, the schema, and clear refusals."""

import os
import sqlite3
import subprocess

import msgspec
import pytest

from setpoint.model.change import Touch
from setpoint.model.errors import StoreError
from setpoint.model.ids import AppId
from setpoint.store.sealing import KEY_BYTES, Sealer
from setpoint.store.sqlite import open_store, schema
from tests.support.memory import created, ref, run, shop, write


@pytest.fixture
def paths(tmp_path):
    return tmp_path / "store.db", tmp_path / "key"


def opened_and_closed(paths, **options):
    async def story():
        store = open_store(*paths, **options)
        units = await store.units()
        await store.close()
        return units

    return run(story())


def test_a_new_directory_gets_a_database_and_a_key_only_the_owner_can_read(paths):
    opened_and_closed(paths)

    database, key = paths
    assert len(key.read_bytes()) == KEY_BYTES
    assert (key.stat().st_mode & 0o777, database.stat().st_mode & 0o777) == (0o600, 0o600)


def test_what_was_written_is_there_after_opening_again(paths):
    async def first():
        store = open_store(*paths)
        unit = await created(store)
        config = {"FOO": ref()}
        await write(store, unit, shop(config=config), {"s-1@1": "bar"})
        await store.close()

    async def second():
        store = open_store(*paths)
        unit = await store.unit_named("shop")
        assert unit is not None
        values = await store.reveal(unit.intent.config)
        await store.close()
        return values

    run(first())
    assert run(second()) == {"FOO": "bar"}


def test_a_new_database_begins_with_the_incarnation_it_is_given_and_keeps_it(paths):
    async def incarnation(**options):
        store = open_store(*paths, **options)
        unit = await store.unit_named("shop") or await created(store)
        await store.close()
        return unit.incarnation

    assert run(incarnation(incarnation=4)) == 4
    assert run(incarnation()) == 4


def test_a_missing_key_file_is_refused_and_not_made_again(paths):
    opened_and_closed(paths)
    paths[1].unlink()

    with pytest.raises(StoreError, match=r"its key file .* is missing"):
        open_store(*paths)
    assert not paths[1].exists()


def test_a_wrong_key_file_is_refused(paths):
    opened_and_closed(paths)
    paths[1].write_bytes(b"k" * KEY_BYTES)

    with pytest.raises(StoreError, match="is not the one this database was made with"):
        open_store(*paths)


def test_a_short_key_file_is_refused(paths):
    opened_and_closed(paths)
    paths[1].write_bytes(b"k")

    with pytest.raises(StoreError, match="holds 1 bytes, not 32"):
        open_store(*paths)


def test_a_key_file_others_may_read_is_refused_with_the_cure(paths):
    opened_and_closed(paths)
    paths[1].chmod(0o644)

    with pytest.raises(StoreError, match="others may read") as refused:
        open_store(*paths)
    assert refused.value.hint == f"chmod 600 {paths[1]}"


def test_a_crash_between_key_and_database_does_no_harm(paths):
    opened_and_closed(paths)
    paths[0].unlink()
    key = paths[1].read_bytes()

    assert opened_and_closed(paths) == ()
    assert paths[1].read_bytes() == key


def test_migrations_are_numbered_without_gaps_or_twins():
    numbers = [migration.version for migration in schema.shipped()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_database_of_a_newer_version_is_refused(paths):
    opened_and_closed(paths)
    db = sqlite3.connect(paths[0])
    with db:
        db.execute("INSERT INTO migration VALUES (999, '0999_later.sql', 'x')")
    db.close()

    with pytest.raises(StoreError) as refused:
        open_store(*paths)
    assert refused.value.message == (
        "cannot open data directory: it was written by a newer Setpoint "
        f"(schema 999, this one knows {schema.shipped()[-1].version})"
    )
    assert refused.value.hint


def test_a_database_made_by_another_migration_is_refused(paths):
    opened_and_closed(paths)
    db = sqlite3.connect(paths[0])
    with db:
        db.execute("UPDATE migration SET sha256 = 'x'")
    db.close()

    with pytest.raises(StoreError, match="migration 1 is not the one it was made with"):
        open_store(*paths)


def test_migrations_are_numbered_without_gaps_and_split_into_whole_statements():
    shipped = schema.shipped()

    assert [m.version for m in shipped] == list(range(1, len(shipped) + 1))
    db = sqlite3.connect(":memory:", isolation_level=None)
    schema.migrate(db, shipped)
    schema.migrate(db, shipped)
    assert schema.version(db) == len(shipped)
    db.close()


def test_once_read_the_migrations_need_no_file_any_more(paths, monkeypatch):
    """The daemon opens the store as a user who may not enter the program's folder."""
    schema.shipped()
    monkeypatch.setattr(schema, "resources", None)
    run(open_store(*paths).close())


def test_something_that_is_no_database_is_refused(paths):
    paths[0].write_bytes(b"not a database at all, but long enough to be looked at" * 100)

    with pytest.raises(StoreError, match="the database file is damaged, or not Setpoint's"):
        open_store(*paths)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(StoreError, match=r"cannot open data directory: .*No such file"):
        open_store(tmp_path / "nowhere" / "store.db", tmp_path / "nowhere" / "key")


def test_neither_key_nor_values_lie_in_the_database_in_the_clear(paths):
    async def story():
        store = open_store(*paths)
        unit = await created(store)
        await write(store, unit, shop(config={"FOO": ref()}), {"s-1@1": "plain-as-day"})
        await store.close()

    run(story())
    folder = paths[0].parent
    on_disk = b"".join(f.read_bytes() for f in folder.iterdir() if f != paths[1])
    assert b"plain-as-day" not in on_disk
    assert paths[1].read_bytes() not in on_disk


def test_a_sealed_value_copied_to_another_name_does_not_open():
    sealer = Sealer(b"k" * KEY_BYTES)
    sealed = sealer.seal(ref(1), "bar")

    assert sealer.open(ref(1), sealed) == "bar"
    for foreign in (ref(2), ref(1, "s-2")):
        with pytest.raises(StoreError, match="it was sealed with another key, or altered"):
            sealer.open(foreign, sealed)


def test_one_value_sealed_twice_is_never_the_same_bytes():
    sealer = Sealer(b"k" * KEY_BYTES)

    assert sealer.seal(ref(1), "bar") != sealer.seal(ref(1), "bar")


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
    )
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a size-limited tmpfs: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_refuses_the_change_and_serves_again_once_there_is_room(small_disk):
    filler = small_disk / "filler"

    async def story():
        store = open_store(small_disk / "store.db", small_disk / "key")
        unit = await created(store)
        filler.write_bytes(b"x" * _free_bytes(small_disk))
        big = {"s-1@1": "v" * 65_536}
        with pytest.raises(StoreError, match="cannot write to the store: the disk is full"):
            await write(store, unit, shop(config={"FOO": ref()}), big)
        assert await store.unit_named("shop") == unit
        assert len(await store.changes(None)) == len(await store.events(0)) == 1
        filler.unlink()
        again = await write(store, unit, shop(config={"FOO": ref()}), big)
        assert again.generation == 2
        await store.close()

    run(story())


def test_a_disk_that_is_full_from_the_start_is_refused_too(small_disk):
    (small_disk / "filler").write_bytes(b"x" * _free_bytes(small_disk))

    with pytest.raises(StoreError, match=r"^cannot .*(disk is full|No space left)"):
        open_store(small_disk / "store.db", small_disk / "key")
    (small_disk / "filler").unlink()
    assert opened_and_closed((small_disk / "store.db", small_disk / "key")) == ()


def _free_bytes(folder):
    stat = os.statvfs(folder)
    return stat.f_bavail * stat.f_frsize


BEFORE_THE_LOG_WAS_IN_ORDER = """
INSERT INTO unit VALUES ('app-1', 'app', 'shop', 'ana@example.com', 2, 2, CAST(
    '{"id":"app-1","name":"shop","maintenance":true}' AS BLOB), 1, 2, 2, 0, 0, '', 0);
INSERT INTO change VALUES (1, 1.0, CAST(
    '{"actor":{"name":"ana","email":"a@b"},"via":"cli","at_s":1}' AS BLOB), 'create', 'Create');
INSERT INTO change VALUES (2, 2.0, CAST(
    '{"actor":{"name":"ana","email":"a@b"},"via":"cli","at_s":2}' AS BLOB), 'maintain', 'Enable');
INSERT INTO change_unit VALUES ('app-1', 1, 1, 1, CAST('{"id":"app-1"}' AS BLOB));
INSERT INTO change_unit VALUES ('app-1', 2, 2, 2, CAST('{"id":"app-1"}' AS BLOB));
INSERT INTO touch VALUES ('app-1', 1, 'name', NULL, '"shop"');
INSERT INTO touch VALUES ('app-1', 1, 'config.GONE', NULL, '"secret v1"');
INSERT INTO touch VALUES ('app-1', 2, 'maintenance', NULL, 'true');
INSERT INTO touch VALUES ('app-1', 2, 'config.GONE', '"secret v1"', NULL);
INSERT INTO field VALUES ('app-1', 'name', 1), ('app-1', 'maintenance', 2);
"""


def test_the_story_of_an_older_database_is_read_on_and_added_to(paths, monkeypatch):
    older = schema.shipped()[:4]
    with monkeypatch.context() as old:
        old.setattr(schema, "shipped", lambda: older)
        opened_and_closed(paths)
    db = sqlite3.connect(paths[0])
    db.executescript(BEFORE_THE_LOG_WAS_IN_ORDER)
    db.close()

    async def story():
        store = open_store(*paths)
        unit = await store.unit_named("shop")
        assert unit is not None
        await write(store, unit, msgspec.structs.replace(unit.intent, maintenance=False))
        await store.rebuild_fields()
        changes, fields = await store.changes(AppId("app-1")), await store.fields(AppId("app-1"))
        await store.close()
        return [change.touches for change in changes], [(f.path, f.change) for f in fields]

    assert run(story()) == (
        [
            (Touch("maintenance", True, None),),
            (Touch("config.GONE", "secret v1", None), Touch("maintenance", None, True)),
            (Touch("config.GONE", None, "secret v1"), Touch("name", None, "shop")),
        ],
        [("name", 1)],
    )
