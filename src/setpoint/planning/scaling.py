"""How many instances does the load ask for, between what was intended? Pure.

What is seen is how many requests a set has in hand, about once a second while it has any, and for a
web app whether its instances leave connections waiting. One look is chance, so what counts is what
held all through a window: up soon, down late.
"""

from collections.abc import Iterator, Sequence

from setpoint.model.process import Instance, Load, SetFacts, SetOrder

UP_S = 3.0
"""crowded for so long, since the newest instance is up"""
DOWN_S = 60.0
"""room for one less for so long"""
ROOMY = 0.7
"""What is left after one less must not be crowded at once: then it would come and go."""
FRESH_S = 2.5
"""A load that was told longer ago says nothing of now, unless it was none: at rest nobody tells."""


def noted(loads: Sequence[Load], load: Load) -> tuple[Load, ...]:
    """With one more. Of those before the longest window only the last is kept, which held when the
    window began."""
    all_of_them = (*loads, load)
    begin_s = load.at_s - DOWN_S
    before = sum(seen.at_s <= begin_s for seen in all_of_them)
    return all_of_them[max(0, before - 1) :]


def crowded(order: SetOrder, facts: SetFacts, up: Sequence[Instance], now_s: float) -> str:
    """Why one more is wanted, with what was seen; '' where none is."""
    since_s = now_s - UP_S
    if not up or not _all_ready_by(up, since_s) or not _told_lately(facts, now_s):
        return ""
    least = min(_during(facts.loads, since_s), default=0)
    if least <= order.bounds.concurrency * len(up):
        return ""
    most = order.bounds.concurrency
    return f"{least} requests or more in hand for {UP_S:g} s, {most} for each of {len(up)} intended"


def may_queue(order: SetOrder, facts: SetFacts) -> bool:
    """Is it worth a look whether requests wait in the queues of its instances?"""
    grows = order.spec.kind == "web" and len(facts.up) < order.bounds.max
    return grows and facts.in_flight > 0 and not facts.retiring


def queueing(facts: SetFacts, up: Sequence[Instance], now_s: float) -> str:
    """Why one more is wanted though they have little in hand: none of them gets along with it."""
    since_s = now_s - UP_S
    if not up or not _queue_lasts(facts, now_s) or not _all_ready_by(up, since_s):
        return ""
    whose = "it accepts" if len(up) == 1 else f"any of {len(up)} accepts"
    return f"for {UP_S:g} s requests have been waiting before {whose} them"


def roomy(
    order: SetOrder, facts: SetFacts, up: Sequence[Instance], now_s: float
) -> tuple[str, float | None]:
    """(why one less will do, in how many seconds to look again). Never down to none, and what the
    last one less has changed is seen before the next."""
    left = len(up) - 1
    leaving = len(facts.live) > len(up)
    if left < max(order.bounds.min, 1) or leaving:
        return "", None
    room = ROOMY * _enough(order, facts) * left
    if not facts.loads or (facts.loads[-1].in_flight and not _told_lately(facts, now_s)):
        return "", None
    full_s = (until_s for until_s, n in _ends(facts.loads, now_s) if n > room)
    ended_s = facts.last_exit.at_s if facts.last_exit is not None else 0.0
    since_s = max(facts.loads[0].at_s, ended_s, *full_s, *(i.ready_at_s or now_s for i in up))
    if now_s - since_s < DOWN_S:
        return "", since_s + DOWN_S - now_s
    most = max(_during(facts.loads, now_s - DOWN_S), default=0)
    return f"{most} requests or fewer in hand for {DOWN_S:g} s, room enough with {left}", None


def crowd(facts: SetFacts, now_s: float) -> float:
    """What to remember where another starts now: this many for each were too many."""
    if _queue_lasts(facts, now_s) and facts.ready and facts.in_flight:
        return facts.in_flight / len(facts.ready)
    return facts.crowd


def _queue_lasts(facts: SetFacts, now_s: float) -> bool:
    return facts.queued_since_s is not None and now_s - facts.queued_since_s >= UP_S


def _enough(order: SetOrder, facts: SetFacts) -> float:
    """For one instance: as intended, or fewer where fewer had to wait already."""
    intended = order.bounds.concurrency
    return min(intended, facts.crowd) if facts.crowd else intended


def _all_ready_by(up: Sequence[Instance], at_s: float) -> bool:
    return all(i.ready_at_s is not None and i.ready_at_s <= at_s for i in up)


def _told_lately(facts: SetFacts, now_s: float) -> bool:
    return bool(facts.loads) and now_s - facts.loads[-1].at_s <= FRESH_S


def _during(loads: Sequence[Load], since_s: float) -> Iterator[int]:
    """What there was at any time since then, what held at its beginning included. Where nothing is
    known of the beginning, there was nothing."""
    if loads and loads[0].at_s > since_s:
        yield 0
    for n, load in enumerate(loads):
        if n + 1 == len(loads) or loads[n + 1].at_s > since_s:
            yield load.in_flight


def _ends(loads: Sequence[Load], now_s: float) -> Iterator[tuple[float, int]]:
    """(until when, how many)."""
    for n, load in enumerate(loads):
        yield (loads[n + 1].at_s if n + 1 < len(loads) else now_s), load.in_flight
