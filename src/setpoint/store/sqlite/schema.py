"""Numbered migrations, each applied once and remembered with its checksum."""

import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

from setpoint.model.errors import StoreError
from setpoint.store.sqlite.connection import Connection

TABLE = """
CREATE TABLE IF NOT EXISTS migration (
    version INTEGER PRIMARY KEY,
    name    TEXT NOT NULL,
    sha256  TEXT NOT NULL
) STRICT
"""


@dataclass(frozen=True)
class Migration:
    version: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


@cache
def shipped() -> tuple[Migration, ...]:
    """What this program knows, oldest first. Read once: the daemon does so before it takes a uid
    that may not enter the program's own folder."""
    folder = resources.files("setpoint.store") / "migrations"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return tuple(
        Migration(int(f.name.partition("_")[0]), f.name, f.read_text("utf-8")) for f in files
    )


def version(db: Connection) -> int:
    """The schema a database has; 0 for a new file."""
    known = db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'migration'").fetchone()
    if known is None:
        return 0
    return int(db.execute("SELECT coalesce(max(version), 0) FROM migration").fetchone()[0])


def check(db: Connection, known: tuple[Migration, ...]) -> None:
    """Refuse a database that is newer than this program, or was made by another history."""
    have, newest = version(db), known[-1].version
    if have > newest:
        raise StoreError(
            "cannot open data directory: it was written by a newer Setpoint "
            f"(schema {have}, this one knows {newest})",
            "install that newer version, or restore a backup made by this one",
        )
    if have == 0:
        return
    applied = dict(db.execute("SELECT version, sha256 FROM migration"))
    for migration in known[:have]:
        if applied.get(migration.version) != migration.sha256:
            raise StoreError(
                f"cannot open data directory: migration {migration.version} is not the one "
                "it was made with",
                "install an official release of Setpoint, or restore a backup",
            )


def migrate(db: Connection, known: tuple[Migration, ...]) -> None:
    """Bring the schema up to date. The caller holds the transaction."""
    have = version(db)
    db.execute(TABLE)
    for migration in known:
        if migration.version <= have:
            continue
        for statement in _statements(migration.sql):
            db.execute(statement)
        db.execute(
            "INSERT INTO migration (version, name, sha256) VALUES (?, ?, ?)",
            (migration.version, migration.name, migration.sha256),
        )


def _statements(sql: str) -> Iterator[str]:
    """One at a time: `executescript` would commit the transaction around it."""
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
