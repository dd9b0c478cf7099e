"""Whys that may have been left behind: one that is exported goes with whatever is done next.

Only those that came by the environment or by a header are remembered: who types -m twice means it.
"""

import hashlib
from collections.abc import Sequence

import msgspec

from setpoint.model.change import Asked
from setpoint.model.ids import AppId
from setpoint.store.sqlite.connection import Connection

REUSED_S = 3600.0
"""Within this time one reason may well stand for several Changes."""
LEFT_BEHIND = ("env", "header")


def labelled(db: Connection, asked: Asked, verb: str, apps: Sequence[AppId]) -> Asked:
    """With the Change its why was first said of, if that was long ago and about something else:
    another app, or another verb."""
    if not _may_be_left_behind(asked):
        return asked
    rows = db.execute(
        "SELECT c.seq, c.at_s, c.verb, cu.unit FROM said s JOIN change c ON c.seq = s.change "
        "LEFT JOIN change_unit cu ON cu.change = c.seq WHERE s.actor = ? AND s.why = ?",
        (asked.actor.name, _key(asked)),
    ).fetchall()
    if not rows or asked.at_s - rows[0][1] <= REUSED_S:
        return asked
    if any(before == verb and app in apps for _, _, before, app in rows):
        return asked
    return msgspec.structs.replace(asked, reused_from=rows[0][0])


def remember(db: Connection, asked: Asked, seq: int) -> None:
    """The first of them counts."""
    if _may_be_left_behind(asked):
        db.execute(
            "INSERT OR IGNORE INTO said (actor, why, change) VALUES (?, ?, ?)",
            (asked.actor.name, _key(asked), seq),
        )


def _may_be_left_behind(asked: Asked) -> bool:
    return bool(asked.why) and asked.why_source in LEFT_BEHIND


def _key(asked: Asked) -> bytes:
    return hashlib.sha256(asked.why.encode()).digest()
