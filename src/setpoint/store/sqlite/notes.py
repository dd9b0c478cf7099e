"""What was said of Changes afterwards. Rows are only ever added."""

from collections.abc import Sequence

import msgspec

from setpoint.model.change import Asked, Note
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
