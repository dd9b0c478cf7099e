"""How the facts of one set change when something happens to it. Pure: facts in, facts out.

`planning.standing` decides from these facts; the supervisor carries out and comes back here.
"""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from setpoint.model.ids import Fence, InstanceId, SetKey
from setpoint.model.process import (
    Adrift,
    Bounds,
    Endpoint,
    Exit,
    Instance,
    Load,
    Phase,
    ProbeSeen,
    SetFacts,
    SetOrder,
)
from setpoint.planning import scaling
from setpoint.planning.standing import STEADY_S

LOST = 0
"""The release of a set whose order is lost."""


def ordered(facts: SetFacts | None, order: SetOrder, before: SetOrder | None) -> SetFacts:
    """A new or repeated order. Only one that asks for something else lets it try anew."""
    if facts is None:
        return SetFacts(
            order.key, order.fence, order.bounds, order.spec.release, upkeep=order.upkeep
        )
    anew = facts.retiring or _asks(before) != _asks(order)
    served = facts.release == LOST and order.attempts_max == 0 and bool(facts.ready)
    return replace(
        facts,
        fence=max(facts.fence, order.fence),
        bounds=order.bounds,
        release=order.spec.release,
        retiring=False,
        gave_up=facts.gave_up and not anew,
        failures=0 if anew else facts.failures,
        upkeep=order.upkeep,
        lost=0 if order.fence > facts.fence else facts.lost,
        ever_ready=facts.ever_ready or served,
    )


def shifted(facts: SetFacts, by_s: float) -> SetFacts:
    """The clock jumped: every moment noted before is as long ago as it was."""
    last = facts.last_exit
    return replace(
        facts,
        instances=tuple(shifted_one(i, by_s) for i in facts.instances),
        last_exit=None if last is None else replace(last, at_s=last.at_s + by_s),
        last_used_s=facts.last_used_s + by_s,
        loads=tuple(replace(load, at_s=load.at_s + by_s) for load in facts.loads),
        queued_since_s=None if facts.queued_since_s is None else facts.queued_since_s + by_s,
        adrift=tuple(Adrift(a.subject, a.since_s + by_s) for a in facts.adrift),
    )


def shifted_one(instance: Instance, by_s: float) -> Instance:
    return replace(
        instance,
        started_at_s=instance.started_at_s + by_s,
        ready_at_s=None if instance.ready_at_s is None else instance.ready_at_s + by_s,
        stop_at_s=None if instance.stop_at_s is None else instance.stop_at_s + by_s,
    )


def _asks(order: SetOrder | None) -> tuple[Bounds, int] | None:
    return None if order is None else (order.bounds, order.attempts_max)


def unknown(key: SetKey, fence: Fence) -> SetFacts:
    """Instances of ours whose order is lost: shown, left alone, and open to any order. Whether they
    were on trial is lost as well, so that they have not proven themselves until an order says so.
    `fence`: the highest that was seen, which whoever removes them has to name."""
    return SetFacts(key, fence, Bounds(0, 0), release=LOST)


def used(facts: SetFacts, in_flight: int, last_used_s: float, now_s: float) -> SetFacts:
    """The edge has told how busy it is. Its clock may have jumped a moment before ours."""
    return replace(
        facts,
        in_flight=in_flight,
        last_used_s=max(facts.last_used_s, min(last_used_s, now_s)),
        loads=scaling.noted(facts.loads, Load(now_s, in_flight)),
    )


def queues_seen(facts: SetFacts, queued: Sequence[int], now_s: float) -> SetFacts:
    """How many connections wait at each instance that is ready; nothing was looked at: ()."""
    if not queued or not all(queued):
        return replace(facts, queued_since_s=None)
    return replace(facts, queued_since_s=facts.queued_since_s or now_s)


def adopted(facts: SetFacts, instance: Instance) -> SetFacts:
    """It was found running. That it was ready counts, though its supervisor may have died right
    before it wrote down that one of this set had been."""
    ready = instance.phase is Phase.READY and facts.release != LOST
    return replace(
        facts, instances=(*facts.instances, instance), ever_ready=facts.ever_ready or ready
    )


def removed(facts: SetFacts, fence: Fence) -> SetFacts:
    return replace(facts, retiring=True, fence=max(facts.fence, fence), waiting=0)


def started(facts: SetFacts, id: InstanceId, ordinal: int, now_s: float) -> SetFacts:
    instance = Instance(id, ordinal, Phase.STARTING, started_at_s=now_s)
    return replace(
        facts,
        instances=(*facts.instances, instance),
        crowd=scaling.crowd(facts, now_s),
        last_probe=None,
        lost=max(0, facts.lost - 1),
    )


def probed(facts: SetFacts, seen: ProbeSeen) -> SetFacts:
    return replace(facts, last_probe=seen)


def became_ready(
    facts: SetFacts, id: InstanceId, endpoint: Endpoint | None, now_s: float
) -> SetFacts:
    facts = _changed(
        facts, id, lambda i: replace(i, phase=Phase.READY, ready_at_s=now_s, endpoint=endpoint)
    )
    return replace(
        facts,
        ever_ready=facts.release != LOST,
        failures=0,
        gave_up=False,
        hindered="",
        waiting=0,
        last_lines=(),
        last_probe=None,
    )


def moved(facts: SetFacts, id: InstanceId, endpoint: Endpoint | None) -> SetFacts:
    """It is reached there by now."""
    return _changed(facts, id, lambda i: replace(i, endpoint=endpoint))


def draining(facts: SetFacts, id: InstanceId, now_s: float) -> SetFacts:
    """What no edge sends requests to is drained at once."""
    return _changed(
        facts,
        id,
        lambda i: replace(i, phase=Phase.DRAINING, stop_at_s=now_s, drained=i.endpoint is None),
    )


def drained(facts: SetFacts, id: InstanceId) -> SetFacts:
    return _changed(
        facts, id, lambda i: replace(i, drained=True) if i.phase is Phase.DRAINING else i
    )


def in_hand(facts: SetFacts, look: Callable[[Instance], int]) -> SetFacts:
    """How much of what was begun is not answered yet, of those that drain."""
    for instance in facts.instances:
        if instance.phase is Phase.DRAINING and (count := look(instance)) != instance.in_hand:
            facts = _changed(facts, instance.id, lambda i: replace(i, in_hand=count))
    return facts


def outdated(facts: SetFacts, id: InstanceId) -> SetFacts:
    return _changed(facts, id, lambda i: replace(i, outdated=True))


def stopping(facts: SetFacts, id: InstanceId, now_s: float) -> SetFacts:
    return _changed(facts, id, lambda i: replace(i, phase=Phase.STOPPING, stop_at_s=now_s))


def ended(facts: SetFacts, id: InstanceId, exit: Exit, last_lines: Sequence[str] = ()) -> SetFacts:
    """It is gone. One we asked to stop is no failure; a crash after a long life is the first."""
    instance = find(facts, id)
    if instance is None:
        return facts
    facts = replace(
        facts,
        instances=tuple(i for i in facts.instances if i.id != id),
        last_exit=exit,
        lost=facts.lost + exit.from_outside,
    )
    if exit.expected:
        return facts
    facts = replace(facts, hindered="")
    if instance.ready_at_s is None:
        return replace(
            facts,
            failures=facts.failures + 1,
            crashes=facts.crashes + 1,
            last_lines=tuple(last_lines),
        )
    long_lived = exit.at_s - instance.ready_at_s >= STEADY_S
    return replace(facts, crashes=1 if long_lived else facts.crashes + 1)


def never_started(facts: SetFacts, why: str, now_s: float) -> SetFacts:
    """The start itself failed, before there was any instance."""
    return replace(
        facts,
        failures=facts.failures + 1,
        crashes=facts.crashes + 1,
        last_exit=Exit(126, now_s),
        last_lines=(why,),
    )


def hindered(facts: SetFacts, lacks: str, id: InstanceId | None = None) -> SetFacts:
    """The machine kept one from starting, which says nothing of it. `id`: where it was begun."""
    left = tuple(i for i in facts.instances if i.id != id)
    return replace(facts, instances=left, hindered=lacks)


def gave_up(facts: SetFacts) -> SetFacts:
    return replace(facts, gave_up=True)


def steadied(facts: SetFacts, now_s: float) -> SetFacts:
    """All that are wanted have been ready for `STEADY_S`, and none crashed: earlier crashes no
    longer count."""
    if steady_in_s(facts, now_s) == 0.0:
        return replace(facts, crashes=0)
    return facts


def steady_in_s(facts: SetFacts, now_s: float) -> float | None:
    """Seconds until earlier crashes no longer count, 0.0 = now, None = not in sight.

    One that crashed and is to be started again is no part of what is up: its siblings, however
    steady, say nothing of it."""
    ready_at_s = [i.ready_at_s for i in facts.up]
    if not facts.crashes or not ready_at_s or None in ready_at_s:
        return None
    if len(ready_at_s) < facts.bounds.min:
        return None
    last = facts.last_exit
    crashed_at_s = [last.at_s] if last is not None and not last.expected else []
    since_s = max(s or now_s for s in (*ready_at_s, *crashed_at_s))
    return max(0.0, since_s + STEADY_S - now_s)


def drifted(facts: SetFacts, subject: str, since_s: float) -> SetFacts:
    return replace(facts, adrift=(*facts.adrift, Adrift(subject, since_s)))


def unmended(facts: SetFacts, subject: str, why: str) -> SetFacts:
    """Nothing where it had not drifted."""
    told = (replace(a, failing=why) if a.subject == subject else a for a in facts.adrift)
    return replace(facts, adrift=tuple(told))


def repaired(facts: SetFacts, subject: str) -> SetFacts:
    return replace(facts, adrift=tuple(a for a in facts.adrift if a.subject != subject))


def adrift_since_s(facts: SetFacts, subject: str) -> float | None:
    """None: it is not."""
    return next((a.since_s for a in facts.adrift if a.subject == subject), None)


def find(facts: SetFacts, id: InstanceId) -> Instance | None:
    return next((i for i in facts.instances if i.id == id), None)


def _changed(facts: SetFacts, id: InstanceId, how: Callable[[Instance], Instance]) -> SetFacts:
    return replace(facts, instances=tuple(how(i) if i.id == id else i for i in facts.instances))
