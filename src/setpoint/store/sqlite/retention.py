"""Rows that nobody needs any more: found by a reader, deleted by the writer in small portions.

What was found stays unneeded: provenance only moves on to newer Changes, what is final stays so,
and a secret without a reference is given none. Pages that are freed are used again; the file does
not shrink, since that would take as much room again as it has.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from setpoint.model.app import AppIntent, SecretRef
from setpoint.model.errors import Unreadable
from setpoint.model.ids import AppId, Digest
from setpoint.model.job import Job
from setpoint.model.release import Release
from setpoint.model.retention import DAY_S, Pruned, Retention
from setpoint.store.sqlite import builds, events, meta, secrets
from setpoint.store.sqlite.connection import Connection
from setpoint.store.sqlite.documents import reader

PORTION = 2000
"""rows per transaction: others write in between"""
JOB_REST_S = DAY_S
"""A job's row stays so long after its end, however many came after it: a scheduled one that has a
row is not started again."""

_release = reader(Release, "a release")
_intent = reader(AppIntent, "an intent")
_job = reader(Job, "a job")

Row = tuple[object, ...]

_DELETE = {
    "journal": "DELETE FROM journal WHERE id = ?",
    "events": "DELETE FROM event WHERE cursor = ?",
    "jobs": "DELETE FROM job WHERE id = ? AND final = 1",
    "builds": "DELETE FROM build WHERE id = ? AND final = 1",
    "secrets": "DELETE FROM secret WHERE id = ? AND version = ?",
    "keys": "DELETE FROM idempotency WHERE actor = ? AND key = ?",
    "tokens": "DELETE FROM token WHERE id = ?",
}


@dataclass(frozen=True)
class Found:
    """Keys of rows that may go, by what they are. `floor`: events up to it are among them."""

    rows: dict[str, list[Row]]
    floor: int

    @property
    def counts(self) -> Pruned:
        return Pruned(**{name: len(rows) for name, rows in self.rows.items()})

    def portions(self) -> Iterator[tuple[str, list[Row]]]:
        for name, rows in self.rows.items():
            left = iter(rows)
            while portion := list(islice(left, PORTION)):
                yield _DELETE[name], portion


def find(db: Connection, retention: Retention, now_s: float) -> Found:
    floor = _floor(db, now_s - retention.events_s)
    rows: dict[str, list[Row]] = {
        "journal": _journal(db, now_s - retention.journal_s),
        "events": _rows(db, "SELECT cursor FROM event WHERE cursor <= ?", floor),
        "jobs": [*_jobs(db, retention, now_s)],
        "builds": _builds(db),
        "secrets": _secrets(db),
        "keys": _rows(db, "SELECT actor, key FROM idempotency WHERE expires_at_s < ?", now_s),
        "tokens": _rows(db, "SELECT id FROM token WHERE expires_at_s < ?", now_s),
    }
    return Found(rows, floor)


def begin(db: Connection, found: Found, now_s: float) -> None:
    """Says how far events go before any is deleted, and how far they are by now."""
    meta.put(db, meta.EVENT_FLOOR, str(max(found.floor, events.floor(db))))
    db.execute("DELETE FROM event_mark WHERE cursor < ?", (found.floor,))
    db.execute(
        "INSERT OR IGNORE INTO event_mark (cursor, at_s) "
        "SELECT coalesce(max(cursor), 0), ? FROM event",
        (now_s,),
    )


def delete(db: Connection, statement: str, rows: Sequence[Row]) -> None:
    db.executemany(statement, rows)


# --- what may go ---------------------------------------------------------------------------------


def _rows(db: Connection, query: str, *values: object) -> list[Row]:
    return [tuple(row) for row in db.execute(query, values)]


def _floor(db: Connection, before_s: float) -> int:
    """The newest event that is surely older."""
    row = db.execute("SELECT max(cursor) FROM event_mark WHERE at_s < ?", (before_s,)).fetchone()
    return int(row[0] or 0)


def _journal(db: Connection, before_s: float) -> list[Row]:
    """Whatever a live field of a live app goes back to stays, and so does what is not ended yet."""
    return _rows(
        db,
        "SELECT id FROM journal WHERE coalesce(ended_at_s, planned_at_s) < ? AND NOT EXISTS ("
        "  SELECT 1 FROM unit WHERE unit.id = journal.app AND unit.forgotten = 0 AND ("
        "    journal.state = 'planned' OR EXISTS ("
        "      SELECT 1 FROM field WHERE field.unit = journal.app"
        "      AND field.change = journal.change)))",
        before_s,
    )


def _jobs(db: Connection, retention: Retention, now_s: float) -> Iterator[Row]:
    """Ended ones, beyond the newest few or too old; but not the release phase of a release that is
    still on its way, which would run a second time."""
    on_their_way = set(db.execute("SELECT app, version FROM release WHERE status = 'pending'"))
    rows = db.execute(
        "SELECT body, place FROM ("
        "  SELECT *, row_number() OVER (PARTITION BY app ORDER BY ord DESC) AS place FROM job"
        ") WHERE final = 1"
    )
    for body, place in rows:
        if (job := _readable(body)) is None:
            continue
        age_s = now_s - (job.ended_at_s or job.asked_at_s)
        spare = place > retention.jobs or age_s > retention.jobs_s
        if spare and age_s > JOB_REST_S and (job.app, job.release) not in on_their_way:
            yield (job.id,)


def _readable(body: bytes) -> Job | None:
    try:
        return _job(body)
    except Unreadable:
        return None


def _builds(db: Connection) -> list[Row]:
    """Beyond those that are ever read."""
    return _rows(
        db,
        "SELECT id FROM ("
        "  SELECT *, row_number() OVER (PARTITION BY app ORDER BY ord DESC) AS place FROM build"
        ") WHERE final = 1 AND place > ?",
        builds.KEPT,
    )


def _secrets(db: Connection) -> list[Row]:
    """Versions that no live intent, no kept release and no live job refers to. None, where one of
    those cannot be read: what it refers to is not known."""
    try:
        needed = {(ref.id, ref.version) for ref in _refs(db)}
    except Unreadable:
        return []
    rows = _rows(db, "SELECT id, version FROM secret")
    return [row for row in rows if row not in needed]


def _refs(db: Connection) -> Iterator[SecretRef]:
    for (body,) in db.execute("SELECT intent FROM unit WHERE forgotten = 0"):
        yield from secrets.refs(_intent(body))
    for (body,) in db.execute("SELECT body FROM release WHERE slug_kept = 1"):
        yield from _release(body).config.values()
    for (body,) in db.execute("SELECT body FROM job WHERE final = 0"):
        yield from _job(body).environment.values()


# --- sources -------------------------------------------------------------------------------------


def drop_sources(db: Connection, digests: Sequence[Digest], before_s: float) -> tuple[Digest, ...]:
    """Forgets those that nobody asked for since, and that no app is meant to be made of. Names
    those that are not known (any more)."""
    wanted = {
        digest
        for (body,) in db.execute("SELECT intent FROM unit WHERE forgotten = 0")
        for digest in _intent(body).uploads
    }
    for digest in set(digests) - wanted:
        db.execute("DELETE FROM source WHERE digest = ? AND at_s < ?", (digest, before_s))
    return tuple(d for d in digests if d not in wanted and not _known(db, d))


def _known(db: Connection, digest: Digest) -> bool:
    return db.execute("SELECT 1 FROM source WHERE digest = ?", (digest,)).fetchone() is not None


# --- releases ------------------------------------------------------------------------------------


def let_go(db: Connection, app: AppId, versions: Sequence[int]) -> tuple[int, ...]:
    """Which of them could be: not the newest, not one on its way, not what is gone back to."""
    row = db.execute("SELECT intent FROM unit WHERE id = ? AND forgotten = 0", (app,)).fetchone()
    back_to = _intent(row[0]).rollback_to if row is not None else None
    newest = "(SELECT max(version) FROM release WHERE app = ?1)" if row is not None else "0"
    asked = [version for version in versions if version != back_to]
    return tuple(version for version in asked if _let_go(db, app, version, newest, row is None))


def _let_go(db: Connection, app: AppId, version: int, newest: str, forgotten: bool) -> bool:
    done = db.execute(
        "UPDATE release SET slug_kept = 0 WHERE app = ?1 AND version = ?2 AND slug_kept = 1 "
        f"AND version <> {newest} AND (status <> 'pending' OR ?3)",
        (app, version, forgotten),
    )
    return bool(done.rowcount)
