"""When has drift of a dyno ended, and what is said while it cannot be repaired? Pure, like
`standing`, which repairs it."""

from collections.abc import Iterator

from setpoint.model.process import Adrift, Instance, Phase, SetFacts
from setpoint.planning.draft import Draft


def plan_unmended(draft: Draft) -> None:
    """Whatever is up, nobody may be able to reach it."""
    for facts in draft.observed.sets:
        for adrift in facts.adrift if not facts.retiring else ():
            if adrift.failing:
                subject, why = adrift.subject, adrift.failing
                draft.wait(subject, f"{subject} cannot be repaired yet, it is tried again: {why}")
                draft.serving = False


def over(facts: SetFacts) -> Iterator[tuple[str, str]]:
    """(dyno, how) of each that is adrift no more: it is up again, or as many as are wanted are
    without it. What belongs to all dynos is told by whoever looks at it."""
    for adrift in facts.adrift:
        process, _, ordinal = adrift.subject.rpartition(".")
        if process == facts.key.process and ordinal.isdecimal():
            how = _how(facts, adrift, int(ordinal))
            if how:
                yield adrift.subject, how


def _how(facts: SetFacts, adrift: Adrift, ordinal: int) -> str:
    now = next((i for i in facts.up if i.ordinal == ordinal), None)
    if now is None:
        return f"{len(facts.ready)} up, {facts.bounds} intended" if _are_enough(facts) else ""
    return "is up again" if _has_followed(now, adrift) else ""


def _has_followed(now: Instance, adrift: Adrift) -> bool:
    """One that lost what it is reached by goes on for as long as that is left so."""
    return now.phase is Phase.READY and now.started_at_s >= adrift.since_s


def _are_enough(facts: SetFacts) -> bool:
    """And none is on its way, or wanted, in its place."""
    coming = facts.waiting or any(i.phase is Phase.STARTING for i in facts.instances)
    return not coming and len(facts.ready) >= facts.bounds.min
