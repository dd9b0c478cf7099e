"""What was said of Changes afterwards, in rows that are only ever added; and who has read how
far."""

from collections.abc import Sequence

import msgspec

from setpoint.model.change import Asked, Note
from setpoint.model.digest import ReadUpTo
from setpoint.model.errors import NotFound
from setpoint.store.sqlite import events
from setpoint.store.sqlite.connection import Connection
from setpoint.store.sqlite.documents import reader

_decode_asked = reader(Asked, "who asked")


def add(db: Connection, change: int, asked: Asked) -> Note:
    """Raises NotFound."""
    units = db.execute(
        "SELECT cu.unit FROM change c LEFT JOIN change_unit cu ON cu.change = c.seq "
        "WHERE c.seq = ? ORDER BY cu.unit",
        (change,),
    ).fetchall()
    if not units:
        raise NotFound(f"cannot note anything of c{change}: there is no such Change")
    db.execute(
        "INSERT INTO note (change, asked) VALUES (?, ?)", (change, msgspec.json.encode(asked))
    )
    for (unit,) in units:
        events.append(db, unit or "", "change.noted", change=change)
    return Note(change, asked)


def of_changes(db: Connection, changes: Sequence[int]) -> dict[int, tuple[Note, ...]]:
    """Oldest first; no entry for those that have none."""
    places = ", ".join("?" * len(changes))
    rows = db.execute(
        f"SELECT change, asked FROM note WHERE change IN ({places}) ORDER BY id", tuple(changes)
    )
    found: dict[int, tuple[Note, ...]] = {}
    for change, asked in rows:
        found[change] = (*found.get(change, ()), Note(change, _decode_asked(asked)))
    return found


def read_up_to(db: Connection, person: str) -> ReadUpTo | None:
    row = db.execute("SELECT change, at_s FROM read_up_to WHERE person = ?", (person,)).fetchone()
    return ReadUpTo(*row) if row is not None else None


def have_read(db: Connection, person: str, change: int, at_s: float) -> ReadUpTo:
    row = db.execute(
        "INSERT INTO read_up_to (person, change, at_s) VALUES (?, ?, ?) "
        "ON CONFLICT DO UPDATE SET change = max(change, excluded.change), "
        "at_s = max(at_s, excluded.at_s) RETURNING change, at_s",
        (person, change, at_s),
    ).fetchone()
    return ReadUpTo(*row)
