"""Which sleeping functions stay known to Envoy, and which are let go until somebody calls. Pure.

A function that sleeps costs Envoy a cluster. Beyond so many, those that were used longest ago are
let go, in two moves: their hosts ask before they send anything on, and a while later the cluster
goes. One that is asked for in between has lost nothing.
"""

from collections.abc import Iterable
from typing import NamedTuple

from setpoint.model.ids import SetKey

HASTE_S = 2.0
"""For this long its cluster stays also where there are too many on their way out: a request that
was let through a moment ago is still to reach it."""


class Sleeper(NamedTuple):
    """A function of which nothing runs, and whose cluster Envoy has. Times in unix seconds.

    `left_s`: since when it is on its way out, None while it stays.
    """

    key: SetKey
    used_s: float
    left_s: float | None = None


class Next(NamedTuple):
    """`leave`: whose hosts are to ask from now on. `drop`: whose clusters are to go.
    `look_again_s`: when more of them may, though nothing happens."""

    leave: tuple[SetKey, ...] = ()
    drop: tuple[SetKey, ...] = ()
    look_again_s: float | None = None


def balance(sleepers: Iterable[Sleeper], most: int, leaving_s: float, now_s: float) -> Next:
    """`most`: how many may stay; as many again may be on their way out, each for `leaving_s`."""
    known = tuple(sleepers)
    staying = sorted((s for s in known if s.left_s is None), key=lambda s: -s.used_s)
    leaving = sorted((s.left_s, s.key) for s in known if s.left_s is not None)
    crowd = len(leaving) - most
    due = [
        (left_s + (min(HASTE_S, leaving_s) if n < crowd else leaving_s), key)
        for n, (left_s, key) in enumerate(leaving)
    ]
    leave = tuple(s.key for s in staying[most:])
    later_s = [at_s - now_s for at_s, _ in due if at_s > now_s]
    later_s += [leaving_s] if leave else []
    return Next(
        leave=leave,
        drop=tuple(key for at_s, key in due if at_s <= now_s),
        look_again_s=min(later_s, default=None),
    )
