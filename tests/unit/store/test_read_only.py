"""A store on a disk that takes no writes: opened to be read, and anew once it takes some."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from setpoint.model.clock import Mark, Moment
from setpoint.model.errors import OpenAnew, StoreError, StoreReadOnly
from setpoint.store.sqlite import open_store, schema
from setpoint.store.sqlite.connection import connect_writer
from setpoint.store.sqlite.outbox import SqliteOutbox, units_kept
from tests.support.memory import created, run, shop, write

MARK = Mark(Moment("boot", 1.0, 2.0))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk of its own?#%"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
    )
    if made.returncode != 0:
        pytest.skip(f"cannot mount a file system of its own: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)


def leave(disk: Path, *, killed: bool) -> None:
    """What a daemon leaves behind that had one app."""

    async def story() -> None:
        store = open_store(disk / "store.db", disk / "key")
        await created(store)
        await store.close()

    run(story())
    if killed:
        # As of a daemon that died: what was written last lies beside the database.
        text = "import sqlite3, os; db = sqlite3.connect(%r, isolation_level=None); "
        text += "db.execute('PRAGMA journal_mode = WAL'); "
        text += "db.execute(\"INSERT INTO meta VALUES ('seen', 'yes')\"); os._exit(0)"
        path = str(disk / "store.db")
        subprocess.run(["/usr/bin/env", "python3", "-c", text % path], check=True)
        assert (disk / "store.db-wal").stat().st_size


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "ended-in-order"])
def test_what_it_holds_is_told_and_nothing_is_taken_until_it_is_opened_anew(
    disk: Path, killed: bool
) -> None:
    leave(disk, killed=killed)
    remount(disk, "ro")

    async def read_only() -> None:
        store = open_store(disk / "store.db", disk / "key")
        try:
            unit = await store.unit_named("shop")
            assert unit is not None
            assert len(await store.units()) == len(await store.changes(None)) == 1
            assert isinstance(await store.refusal(), StoreReadOnly)
            with pytest.raises(
                StoreReadOnly, match=r"^cannot write to the store: it is read-only\n"
            ):
                await write(store, unit, shop(maintenance=True))
            with pytest.raises(StoreReadOnly):
                await store.mark(MARK)
            assert units_kept(disk / "store.db") == 1
            outbox = SqliteOutbox(disk / "store.db")
            assert await outbox.unit_ids() == {unit.id}
            await outbox.stop()
            remount(disk, "rw")
            with pytest.raises(OpenAnew, match="opened anew"):
                await write(store, unit, shop(maintenance=True))
            with pytest.raises(OpenAnew):
                await store.mark(MARK)
        finally:
            await store.close()

    async def anew() -> None:
        store = open_store(disk / "store.db", disk / "key")
        assert await store.refusal() is None
        unit = await store.unit_named("shop")
        assert unit is not None
        assert (await write(store, unit, shop(maintenance=True))).generation == 2
        await store.mark(MARK)
        assert await store.marked() == MARK
        await store.close()

    run(read_only())
    run(anew())


def test_one_that_this_version_would_have_to_alter_first_is_refused(disk: Path) -> None:
    leave(disk, killed=False)
    db = connect_writer(disk / "store.db")
    db.execute("DELETE FROM migration WHERE version = ?", (schema.shipped()[-1].version,))
    db.close()
    remount(disk, "ro")
    with pytest.raises(StoreError, match=r"^cannot open data directory: it is read-only"):
        open_store(disk / "store.db", disk / "key")


def test_where_there_is_nothing_yet_a_disk_that_takes_no_writes_is_refused(disk: Path) -> None:
    remount(disk, "ro")
    with pytest.raises(StoreError, match=r"^cannot open data directory: .*Read-only file system"):
        open_store(disk / "store.db", disk / "key")
