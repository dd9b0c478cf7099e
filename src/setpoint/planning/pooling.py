"""How many processes wait, ready but for their function, and whose? Pure.

One kind is (app, code, packages, size): what an app's walls and limits are made of.
"""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from setpoint.model.app import MIB

WAITING = 2
"""of each kind"""
SPARE_BYTES = 96 * MIB
"""what one takes: 70 to 80 MiB were seen"""
QUIET_S = 0.5
"""after one was taken: getting another ready would slow down the very start it was taken for"""
RETRY_S = 60.0
"""after one that never got ready"""


class Pool(NamedTuple):
    """Times in seconds of one steady clock. `waiting`: those still getting ready included."""

    kind: Hashable
    used_s: float
    waiting: int = 0
    failed_s: float | None = None


class Next(NamedTuple):
    """`drop`: kinds of which one is too many. `begin`: of which one more is to get ready now, which
    is one at a time. `look_again_s`: when to ask again though nothing happens."""

    drop: tuple[Hashable, ...] = ()
    begin: Hashable | None = None
    look_again_s: float | None = None


def balance(
    pools: Sequence[Pool], bytes_max: int, taken_s: float, coming: bool, now_s: float
) -> Next:
    """`taken_s`: when one was last taken. `coming`: one is still getting ready."""
    shares = _shares(pools, bytes_max // SPARE_BYTES)
    drop = tuple(pool.kind for pool in pools if pool.waiting > shares[pool.kind])
    short = [pool for pool in _newest_first(pools) if pool.waiting < shares[pool.kind]]
    if coming or not short:
        return Next(drop)
    due_s = [(max(taken_s + QUIET_S, _after_failure(pool)), pool.kind) for pool in short]
    at_s = min(at for at, _ in due_s)
    if at_s > now_s:
        return Next(drop, look_again_s=at_s - now_s)
    return Next(drop, next(kind for at, kind in due_s if at <= now_s))


def _shares(pools: Sequence[Pool], room: int) -> dict[Hashable, int]:
    """What was used last has all it may have; what comes after, what is left."""
    shares: dict[Hashable, int] = {}
    for pool in _newest_first(pools):
        shares[pool.kind] = min(WAITING, room)
        room -= shares[pool.kind]
    return shares


def _newest_first(pools: Sequence[Pool]) -> list[Pool]:
    return sorted(pools, key=lambda pool: -pool.used_s)


def _after_failure(pool: Pool) -> float:
    return 0.0 if pool.failed_s is None else pool.failed_s + RETRY_S
