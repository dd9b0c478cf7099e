"""One Change, one transaction: log, documents, provenance, secrets, events; or nothing.

Conflicts are per path. A write says which revision it was made from; what others changed since is
kept, and only a decision both have touched is a conflict.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from setpoint.model.app import AppIntent, Unit
from setpoint.model.change import Asked, Touch
from setpoint.model.decision import Decided
from setpoint.model.errors import Conflict, NotFound
from setpoint.model.ids import AppId
from setpoint.model.paths import (
    compared,
    conflict_scope,
    explained,
    flatten,
    is_shape,
    is_source,
    merge,
    touches,
    unflatten,
)
from setpoint.model.pipeline import PipelineWrite
from setpoint.store.port import Committed, UnitWrite
from setpoint.store.sealing import Sealer
from setpoint.store.sqlite import changes, decisions, events, pipelines, said, secrets, units
from setpoint.store.sqlite.connection import Connection

IDEMPOTENCY_S = 24 * 3600.0
"""How long a caller may repeat a request with the same key and get the same Change."""


@dataclass(frozen=True)
class Request:
    asked: Asked
    verb: str
    summary: str
    writes: Sequence[UnitWrite]
    secrets: Mapping[str, str] = field(repr=False)
    decided: Decided | None = None
    pipeline: PipelineWrite | None = None


def commit(db: Connection, sealer: Sealer, incarnation: int, request: Request) -> Committed:
    """Raises Conflict or NotFound; the caller's savepoint undoes what was written so far."""
    before = _repeated(db, incarnation, request)
    if before is not None:
        return before
    asked = said.labelled(db, request.asked, request.verb, [w.intent.id for w in request.writes])
    if request.decided is not None:
        made = decisions.decide(db, _once(asked), request.decided)
        asked = msgspec.structs.replace(asked, decision=made.decision)
    seq = changes.insert(db, asked, request.verb, request.summary)
    said.remember(db, asked, seq)
    if request.pipeline is not None:
        pipelines.write(db, request.pipeline, seq, request.verb, request.summary)
    written = tuple(
        _write(db, sealer, incarnation, request, seq, write) for write in request.writes
    )
    if request.pipeline is not None and request.pipeline.gone:
        pipelines.check_left(db, request.verb, request.pipeline.pipeline)
    secrets.store(db, sealer, (u.intent for u in written), request.secrets)
    _remember(db, request, seq)
    return Committed(seq, written)


def _once(asked: Asked) -> Asked:
    """A key stands for the Change; what is made with it needs none of its own."""
    return msgspec.structs.replace(asked, idempotency_key="")


def _write(
    db: Connection,
    sealer: Sealer,
    incarnation: int,
    request: Request,
    seq: int,
    write: UnitWrite,
) -> Unit:
    if write.rev_expected is None:
        current, touched, intent = None, touches({}, flatten(write.intent)), write.intent
    else:
        current = _current(db, incarnation, write)
        touched, intent = _rebased(db, request, write, current)
    unit = _next(incarnation, request, seq, current, intent, touched)
    encoded = units.encoded(intent)
    if current is None:
        units.insert(db, unit, encoded)
    else:
        units.update(db, unit, encoded, before=current.intent)
    before = current.intent if current is not None else None
    if before is None or before.pipeline != intent.pipeline:
        pipelines.check_there(db, request.verb, unit)
    touched = explained(touched, write.whys) if write.whys else touched
    told = secrets.fingerprinted(db, sealer, before, intent, touched, request.secrets)
    changes.insert_unit(db, unit, encoded, told)
    _tell(db, request, unit)
    if write.promoted is not None:
        pipelines.promote(db, unit, write.promoted, request.asked.at_s)
    return unit


def _current(db: Connection, incarnation: int, write: UnitWrite) -> Unit:
    unit = units.get(db, incarnation, write.intent.id)
    if unit is None:
        raise NotFound(f"cannot change '{write.intent.name}': no such app")
    return unit


def _rebased(
    db: Connection, request: Request, write: UnitWrite, current: Unit
) -> tuple[tuple[Touch, ...], AppIntent]:
    """What this write touches, and the current document with just that altered."""
    if write.rev_expected == current.rev:
        return compared(current.intent, write.intent, write.restated), write.intent
    base = _document(db, write)
    if write.whole or base is None:
        raise Conflict(
            f"cannot {request.verb} '{current.name}': it has changed since it was read",
            "read it again and repeat",
        )
    touched = compared(base, write.intent, write.restated)
    _refuse_overlap(db, request, write, current, touched)
    now = flatten(current.intent)
    merged = merge(now, flatten(write.intent), touched)
    return touches(now, merged, (t.path for t in touched)), unflatten(current.id, merged)


def _document(db: Connection, write: UnitWrite) -> AppIntent | None:
    row = db.execute(
        "SELECT intent FROM change_unit WHERE unit = ? AND rev = ?",
        (write.intent.id, write.rev_expected),
    ).fetchone()
    return units.decoded(row[0]) if row is not None else None


def _refuse_overlap(
    db: Connection, request: Request, write: UnitWrite, current: Unit, touched: Sequence[Touch]
) -> None:
    mine = {conflict_scope(t.path): t.path for t in touched}
    for change, other in changes.touched_since(db, current.id, write.rev_expected or 0):
        path = other.path
        if path == "deleted":
            raise NotFound(f"cannot {request.verb} '{current.name}': it was destroyed by c{change}")
        if conflict_scope(path) in mine:
            raise Conflict(
                f"cannot {request.verb} '{current.name}': "
                f"{mine[conflict_scope(path)]} was changed meanwhile by c{change}",
                f"see `setpoint why {current.name}`, then repeat",
            )


def _next(
    incarnation: int,
    request: Request,
    seq: int,
    current: Unit | None,
    intent: AppIntent,
    touched: Sequence[Touch],
) -> Unit:
    at_s = request.asked.at_s
    if current is None:
        owner = request.asked.actor.email
        current = Unit(intent, incarnation, 0, 0, owner, at_s, at_s, last_change=seq)
    shapes = any(is_shape(t.path) for t in touched)
    return msgspec.structs.replace(
        current,
        intent=intent,
        generation=current.generation + 1,
        rev=current.rev + 1,
        updated_at_s=at_s,
        last_change=seq,
        source_change=seq if any(is_source(t.path) for t in touched) else current.source_change,
        shape_change=seq if shapes else current.shape_change,
        shape_summary=request.summary if shapes else current.shape_summary,
    )


def _tell(db: Connection, request: Request, unit: Unit) -> None:
    events.append(
        db,
        unit.id,
        "change.accepted",
        change=unit.last_change,
        generation=unit.generation,
        verb=request.verb,
        summary=request.summary,
    )


# --- the same request again -------------------------------------------------------------------


def _repeated(db: Connection, incarnation: int, request: Request) -> Committed | None:
    asked = request.asked
    if not asked.idempotency_key:
        return None
    row = db.execute(
        "SELECT request_hash, change FROM idempotency WHERE actor = ? AND key = ?",
        (asked.actor.name, asked.idempotency_key),
    ).fetchone()
    if row is None:
        return None
    if row[0] != _hash(request):
        raise Conflict(
            f"cannot {request.verb}: its idempotency key was used for another request",
            "use a new key for each request",
        )
    ids = db.execute("SELECT unit FROM change_unit WHERE change = ? ORDER BY unit", (row[1],))
    found = (units.get(db, incarnation, AppId(id)) for (id,) in ids.fetchall())
    return Committed(row[1], tuple(u for u in found if u is not None))


def _remember(db: Connection, request: Request, seq: int) -> None:
    asked = request.asked
    if asked.idempotency_key:
        db.execute(
            "INSERT INTO idempotency (actor, key, request_hash, change, expires_at_s) "
            "VALUES (?, ?, ?, ?, ?)",
            (
                asked.actor.name,
                asked.idempotency_key,
                _hash(request),
                seq,
                asked.at_s + IDEMPOTENCY_S,
            ),
        )


def _hash(request: Request) -> str:
    """Over what stays equal when a request is repeated: ids and secret versions do not."""
    names = sorted(write.intent.name for write in request.writes)
    of = [request.pipeline.pipeline.name] if request.pipeline is not None else []
    text = "\0".join((request.verb, request.summary, *names, *of))
    return hashlib.sha256(text.encode()).hexdigest()
