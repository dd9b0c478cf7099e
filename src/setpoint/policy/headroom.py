"""Is there room for another deploy? What a build brings is known only when it lies on the disk, so
it is refused while there is still room for all else: logs, the store, and going back."""

from setpoint.model.app import MIB
from setpoint.model.errors import NoRoom
from setpoint.model.retention import Headroom, Retention

ENOUGH_BYTES = 20 * 1024 * MIB
"""So much is always room enough, however small a part of a large disk: two builds at once that
both come to everything that a build may."""
LEAST_BYTES = 512 * MIB
"""So much is asked for at least, where the disk has four times as much."""


def wanted_bytes(bytes_total: int, retention: Retention) -> int:
    """How much must be free."""
    share = min(int(bytes_total * retention.free_share_min), ENOUGH_BYTES)
    least = min(LEAST_BYTES, bytes_total // 4) if retention.free_share_min else 0
    return max(share, least)


def is_low(headroom: Headroom, retention: Retention) -> bool:
    return headroom.bytes_free < wanted_bytes(headroom.bytes_total, retention)


def check(doing: str, headroom: Headroom, retention: Retention) -> None:
    """`doing`: as in `cannot <doing>`. Raises NoRoom."""
    if is_low(headroom, retention):
        raise NoRoom(f"cannot {doing}: {words(headroom)}", next_step(headroom))


def words(headroom: Headroom) -> str:
    return f"the disk is {headroom.percent_full} % full"


def next_step(headroom: Headroom) -> str:
    frees = headroom.reclaimable_bytes
    if frees is None:
        return "`setpoint gc --dry-run` tells what can be removed"
    if frees < MIB:
        return f"`setpoint gc` finds nothing to remove; free some space at {headroom.where}"
    return f"`setpoint gc` frees about {frees // MIB:,} MiB"
