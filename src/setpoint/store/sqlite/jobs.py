"""Jobs as rows. A state only goes forward: pending, handed, then one of the final ones for ever."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from setpoint.model.errors import NotFound
from setpoint.model.ids import AppId, JobId
from setpoint.model.job import Job, JobEnd
from setpoint.store.sealing import Sealer
from setpoint.store.sqlite import events, secrets
from setpoint.store.sqlite.connection import Connection
from setpoint.store.sqlite.documents import reader

_decode = reader(Job, "a job")

_NEWEST = "UPDATE job SET ord = (SELECT max(ord) + 1 FROM job) WHERE app = ? AND id = ?"
_SELECT = "SELECT body, state, stop_asked FROM job WHERE app = ? "


def add(db: Connection, sealer: Sealer, job: Job, values: Mapping[str, str]) -> Job:
    """Raises NotFound where the app is forgotten."""
    before = _one(db, job.app, job.id)
    if before is not None:
        return before
    known = db.execute("SELECT 1 FROM unit WHERE id = ? AND forgotten = 0", (job.app,)).fetchone()
    if known is None:
        raise NotFound(f"cannot run {job.dyno}: its app is gone")
    _insert(db, job)
    secrets.seal(db, sealer, job.app, job.environment.values(), values)
    events.append(db, job.app, "job.asked", job=job.id, dyno=job.dyno)
    return job


def hand_over(db: Connection, jobs: Sequence[Job]) -> None:
    """About to be started: from here on nobody else starts them. One that has ended is among the
    newest again: who asks for it did not see it, as when the clock is set back to its moment."""
    for job in jobs:
        before = _one(db, job.app, job.id)
        if before is None:
            _insert(db, job)
        elif before.final:
            db.execute(_NEWEST, (job.app, job.id))
        _alter(db, msgspec.structs.replace(job, state="handed"))


def stop(db: Connection, app: AppId, id: JobId) -> Job | None:
    db.execute("UPDATE job SET stop_asked = 1 WHERE app = ? AND id = ? AND final = 0", (app, id))
    return _one(db, app, id)


def settle(db: Connection, app: AppId, id: JobId, end: JobEnd) -> None:
    """A job that has its end already keeps it."""
    job = _one(db, app, id)
    if job is None or job.final:
        return
    _alter(db, msgspec.structs.replace(job, **msgspec.structs.asdict(end)))
    events.append(db, app, "job.ended", job=id, dyno=job.dyno, state=end.state, code=end.code)


def of_app(db: Connection, app: AppId, limit: int) -> tuple[Job, ...]:
    """Every one that has not ended, and the newest `limit` of each kind. Newest first."""
    rows = db.execute(
        "SELECT body, state, stop_asked FROM ("
        "  SELECT *, row_number() OVER (PARTITION BY kind ORDER BY ord DESC) AS place"
        "  FROM job WHERE app = ?"
        ") WHERE final = 0 OR place <= ? ORDER BY ord DESC",
        (app, limit),
    )
    return _read(rows)


def _one(db: Connection, app: AppId, id: JobId) -> Job | None:
    found = _read(db.execute(_SELECT + "AND id = ?", (app, id)))
    return found[0] if found else None


def _insert(db: Connection, job: Job) -> None:
    db.execute(
        "INSERT INTO job (id, app, kind, state, body) VALUES (?, ?, ?, ?, ?)",
        (job.id, job.app, job.kind, job.state, msgspec.json.encode(job)),
    )


def _alter(db: Connection, job: Job) -> None:
    db.execute(
        "UPDATE job SET state = ?, final = ?, body = ? WHERE app = ? AND id = ? AND final = 0",
        (job.state, job.final, msgspec.json.encode(job), job.app, job.id),
    )


def _read(rows: Iterable[sqlite3.Row]) -> tuple[Job, ...]:
    return tuple(
        msgspec.structs.replace(_decode(body), state=state, stop_asked=bool(stop_asked))
        for body, state, stop_asked in rows
    )
