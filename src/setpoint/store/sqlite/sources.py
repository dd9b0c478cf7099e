"""Uploaded sources that are whole and on disk. The bytes are a driver's concern."""

from setpoint.model.ids import Digest
from setpoint.store.sqlite.connection import Connection


def record(db: Connection, digest: Digest, size_bytes: int, now_s: float) -> None:
    db.execute(
        "INSERT OR IGNORE INTO source (digest, size_bytes, at_s) VALUES (?, ?, ?)",
        (digest, size_bytes, now_s),
    )


def known(db: Connection, digest: Digest) -> bool:
    return db.execute("SELECT 1 FROM source WHERE digest = ?", (digest,)).fetchone() is not None
