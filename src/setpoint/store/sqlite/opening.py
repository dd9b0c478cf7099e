"""How a store comes to be: a database and its key, opened, made, or only read."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from setpoint.model.errors import StoreError, StoreReadOnly
from setpoint.store import sealing
from setpoint.store.bell import Bell
from setpoint.store.sealing import Sealer
from setpoint.store.sqlite import meta, schema, tenure
from setpoint.store.sqlite.connection import (
    Connection,
    abandon,
    connect_memory,
    connect_reader,
    connect_writer,
    read_only,
    told,
)
from setpoint.store.sqlite.inline import Inline
from setpoint.store.sqlite.reader import Reader
from setpoint.store.sqlite.refusing import Refusing
from setpoint.store.sqlite.store import SqliteStore
from setpoint.store.sqlite.tenure import Tenure
from setpoint.store.sqlite.writer import Writer


def open_store(path: Path, key_path: Path, *, incarnation: int = 1) -> SqliteStore:
    """Open or make a database and its key file. Blocks; the caller holds the folder's lock.

    `incarnation`: what a new database begins with. One that is read-only is opened to be read.
    Raises StoreError, with the next step.
    """
    try:
        db = connect_writer(path)
    except StoreReadOnly as error:
        return _open_to_read(path, key_path, error)
    try:
        sealer, held, refusal = _prepare(db, key_path, incarnation)
        stored = _incarnation(db)
        reader = Reader(path)
    except sqlite3.Error as error:
        db.close()
        raise told(error, "open data directory") from None
    except BaseException:
        db.close()
        raise
    bell = Bell()
    writer = Writer(db, bell.ring, held.take)
    writer.refusal = refusal
    return SqliteStore(writer, reader, sealer, stored, bell, held.check)


def _open_to_read(path: Path, key_path: Path, refusal: StoreError) -> SqliteStore:
    """Nobody's tenure is taken: nobody can write."""
    known = schema.shipped()
    try:
        with closing(connect_reader(path)) as db:
            schema.check(db, known)
            if schema.version(db) < known[-1].version:
                raise refusal
            sealer = Sealer(sealing.load_key(key_path, fresh=False))
            sealing.verify(sealer, meta.get(db, meta.KEY_CHECK) or "", key_path)
            held, stored = Tenure(tenure.holder(db)), _incarnation(db)
        reader = Reader(path)
    except sqlite3.Error as error:
        raise told(error, "open data directory") from None
    writer = Refusing(path, read_only("write to the store"))
    return SqliteStore(writer, reader, sealer, stored, Bell(), held.check)


def open_in_memory(*, incarnation: int = 1, key: bytes | None = None) -> SqliteStore:
    """The same store without threads or disk, deterministic; gone when closed."""
    db = connect_memory()
    sealer = Sealer(key if key is not None else os.urandom(sealing.KEY_BYTES))
    _make(db, sealer, incarnation)
    bell = Bell()
    inline = Inline(db, bell.ring)
    return SqliteStore(inline, inline, sealer, incarnation, bell, tenure.nobody_else)


def _prepare(
    db: Connection, key_path: Path, incarnation: int
) -> tuple[Sealer, Tenure, StoreError | None]:
    """What opens its secrets, who holds it from here on, and why it could not be written to."""
    known = schema.shipped()
    schema.check(db, known)
    fresh = schema.version(db) == 0
    sealer = Sealer(sealing.load_key(key_path, fresh=fresh))
    if not fresh:
        sealing.verify(sealer, meta.get(db, meta.KEY_CHECK) or "", key_path)
    _make(db, sealer, incarnation)
    held = Tenure(tenure.holder(db))
    try:
        _take(db, held)
    except sqlite3.OperationalError as error:  # a full disk is no reason not to look
        return sealer, held, told(error, "write to the store")
    return sealer, held, None


def _take(db: Connection, held: Tenure) -> None:
    try:
        db.execute("BEGIN IMMEDIATE")
        held.take(db)
        db.execute("COMMIT")
    finally:
        abandon(db)


def _make(db: Connection, sealer: Sealer, incarnation: int) -> None:
    """Schema and first facts in one transaction: a crash leaves a database or none."""
    try:
        db.execute("BEGIN IMMEDIATE")
        schema.migrate(db, schema.shipped())
        if meta.get(db, meta.INCARNATION) is None:
            meta.put(db, meta.INCARNATION, str(incarnation))
            meta.put(db, meta.KEY_CHECK, sealing.sealed_check(sealer))
        db.execute("COMMIT")
    finally:
        abandon(db)


def _incarnation(db: Connection) -> int:
    return int(meta.get(db, meta.INCARNATION) or 0)
