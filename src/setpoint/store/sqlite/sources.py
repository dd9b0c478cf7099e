"""Uploaded sources that are whole and on disk. The bytes are a driver's concern."""

from setpoint.model.ids import Digest
from setpoint.store.sqlite.connection import Connection


def record(db: Connection, digest: Digest, size_bytes: int, now_s: float) -> None:
    db.execute(
        "INSERT INTO source (digest, size_bytes, at_s) VALUES (?, ?, ?) "
        "ON CONFLICT DO UPDATE SET at_s = max(at_s, excluded.at_s)",
        (digest, size_bytes, now_s),
    )


def known(db: Connection, digest: Digest) -> bool:
    return db.execute("SELECT 1 FROM source WHERE digest = ?", (digest,)).fetchone() is not None


def hold(db: Connection, digest: Digest, now_s: float) -> bool:
    held = db.execute("UPDATE source SET at_s = max(at_s, ?) WHERE digest = ?", (now_s, digest))
    return bool(held.rowcount)
