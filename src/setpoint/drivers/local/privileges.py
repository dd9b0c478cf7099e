"""Giving up root for good. What a process needs from closed folders it opens or imports before."""

import os
from collections.abc import Iterable, Mapping

UID = "SETPOINT_UID"
GID = "SETPOINT_GID"
GROUPS = "SETPOINT_GROUPS"
"""Further groups, separated by commas."""


def drop(uid: int, gid: int, groups: Iterable[int] = ()) -> None:
    """Become this user in all of real, effective and saved ids. There is no way back.

    Groups first: once the uid is gone, so is the right to change them.
    """
    os.setgroups(list(groups))
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def drop_as_told(environment: Mapping[str, str]) -> bool:
    """Drop to the ids named in `environment`. False where none is named: the starter's user stays.

    Raises KeyError when a uid is named without its gid, ValueError when one is no number.
    """
    if UID not in environment:
        return False
    groups = environment.get(GROUPS, "")
    drop(
        int(environment[UID]),
        int(environment[GID]),
        [int(group) for group in groups.split(",") if group],
    )
    return True
