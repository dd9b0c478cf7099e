"""Of whom something was written since, from the outbox: what a look at everything need not ask."""

from setpoint.model.ids import AppId
from setpoint.store.port import Touched
from setpoint.store.sqlite import events, journal
from setpoint.store.sqlite.connection import Connection
from setpoint.store.sqlite.documents import reader

_decode_newest = reader(dict[AppId, int], "whom events are about")


def since(db: Connection, after: int) -> Touched:
    gone, cursor = events.bounds(db)
    if gone > after:
        return Touched({}, journal.left_open(db), cursor, whole=False)
    (newest,) = db.execute(
        "SELECT json_group_object(unit, newest) FROM (SELECT unit, max(cursor) AS newest "
        "FROM event WHERE cursor > ? AND unit <> '' GROUP BY unit)",
        (after,),
    ).fetchone()
    return Touched(_decode_newest(newest), journal.left_open(db), cursor, whole=True)
