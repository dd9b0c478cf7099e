"""Opening a database file, and saying in our words what SQLite says in its own."""

import errno
import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from setpoint.model.errors import StoreError, StoreFull, StoreReadOnly

Connection = sqlite3.Connection

VERSION_MIN = (3, 37, 0)
"""STRICT tables."""

BUSY_MS = 5_000
CHECKPOINT_PAGES = 4_000
CACHE_KIB = 32 * 1024
"""The writer's: most of what ten thousand apps are, so that a write need not read pages first. It
fills as it is used; SQLite's own 2 MiB made a commit take a tenth longer at that size."""
READ_ONLY = frozenset({errno.EROFS, errno.EPERM})
"""what the kernel says where no file can be written, whoever asks"""
PRIMARY = 0xFF
"""of a result code: the rest of it says more exactly what went wrong"""
WAL_BYTES_MAX = 64 * 1024 * 1024
"""What the log file is cut back to after a checkpoint."""


def connect_writer(path: Path) -> Connection:
    """Raises StoreError. The file is made with mode 0600 where there is none."""
    if sqlite3.sqlite_version_info < VERSION_MIN:
        wanted = ".".join(map(str, VERSION_MIN))
        raise StoreError(
            f"cannot open data directory: SQLite {sqlite3.sqlite_version} is too old",
            f"Setpoint needs a Python whose sqlite3 is {wanted} or newer",
        )
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        db = _connect(str(path))
    except OSError as error:
        if error.errno in READ_ONLY and path.exists():
            raise read_only("open data directory") from None
        raise StoreError(f"cannot open data directory: {path}: {error.strerror}") from None
    try:
        db.execute("PRAGMA journal_mode = WAL")
        # Grouped commits make FULL cost 1.5x to 2x at most; losing an acknowledged write costs all.
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        # A savepoint per request keeps undo pages: in memory, not in a temporary file.
        db.execute("PRAGMA temp_store = MEMORY")
        db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        db.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_MAX}")
    except sqlite3.Error as error:
        db.close()
        raise told(error, "open data directory") from None
    return db


def connect_reader(path: Path) -> Connection:
    """Where nobody can write to it, and nothing beside it is left to be read, it is read as it is:
    otherwise SQLite would make files there."""
    if os.access(path, os.W_OK) or path.with_name(f"{path.name}-wal").exists():
        db = _connect(str(path))
    else:
        db = _connect(f"file:{quote(str(path))}?immutable=1", uri=True)
    db.execute("PRAGMA query_only = ON")
    return db


def connect_memory() -> Connection:
    """For tests and simulated worlds: all of the schema, none of the disk."""
    db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA foreign_keys = ON")
    return db


def _connect(path: str, *, uri: bool = False) -> Connection:
    """Opened in one thread, used in one other: hence no check, and transactions by hand."""
    return sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000, uri=uri
    )


def read_only(doing: str) -> StoreReadOnly:
    """`cannot <doing>: …`"""
    return StoreReadOnly(
        f"cannot {doing}: it is read-only",
        "see why its disk was made so, and mount it writable again; nothing was written",
    )


def abandon(db: Connection) -> None:
    """Undo whatever is open. SQLite itself has rolled back already after some errors."""
    with suppress(sqlite3.Error):
        if db.in_transaction:
            db.execute("ROLLBACK")


def told(error: sqlite3.Error, doing: str) -> StoreError:
    """`cannot <doing>: <fact>`. SQLite's own text names tables at most, never values."""
    match getattr(error, "sqlite_errorcode", 0) & PRIMARY:
        case sqlite3.SQLITE_FULL:
            return StoreFull(
                f"cannot {doing}: the disk is full", "free some space; nothing was written"
            )
        case sqlite3.SQLITE_READONLY:
            return read_only(doing)
        case sqlite3.SQLITE_IOERR:
            return StoreError(
                f"cannot {doing}: {error} ({error.sqlite_errorname})",
                "see whether the disk is full, over a quota or failing; nothing was written",
            )
        case sqlite3.SQLITE_NOTADB:
            return StoreError(f"cannot {doing}: the database file is damaged, or not Setpoint's")
        case _:
            return StoreError(f"cannot {doing}: {error}")
