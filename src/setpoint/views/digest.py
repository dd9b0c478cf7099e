"""What changed on what somebody looks after, since they last looked."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from setpoint.model.answer import Logged
from setpoint.model.app import Unit
from setpoint.model.change import Actor
from setpoint.model.decision import Decision
from setpoint.model.digest import Digest, Group, Introduced, Need, Surprise
from setpoint.model.paths import flatten
from setpoint.model.target import telling
from setpoint.planning.decisions import DAY_S, fold
from setpoint.planning.digest import surprise
from setpoint.policy import access
from setpoint.policy.words import SECRET_CHARS_MIN
from setpoint.store.port import Store
from setpoint.views import changes, decisions, drift, lookup

FIRST_S = 7 * DAY_S
"""What somebody hears who never looked before."""
CHANGES_READ = changes.LIMIT_MAX
INTRODUCED_MAX = 10
LEFT_OUT = "    (a line is left out here: it holds the value of a config var)"


async def digest(store: Store, actor: Actor, person: str, now_s: float, reader: str = "") -> Digest:
    """Theirs are the apps they own, and those that a decision of theirs governs something of.
    `reader`: under whose name the cursor is kept, if not their own."""
    access.authorise(actor, "see", "the changes")
    read = await store.read_up_to(reader or person)
    since_s = read.at_s if read is not None else now_s - FIRST_S
    decided = [d for d in fold(await store.decisions()) if not d.superseded_by]
    decided = await decisions.measured(store, decided, now_s)
    decided = list(await decisions.seen_by(store, actor, decided))
    mine = [d for d in decided if person in (d.decided.owner, d.decided.backup)]
    unread = await lookup.unread_of(store, actor)
    seen = (*await lookup.apps_of(store, actor), *unread)
    units = [u for u in seen if u.owner == person or _governs(mine, u)]
    newest = await changes.changes(store, actor, None, CHANGES_READ, read.change if read else 0)
    ids = {unit.id for unit in units}
    # By number, not by time, once there is a cursor: a Change may come while somebody reads.
    told = [c for c in newest if c.unit in ids and (read or c.change.asked.at_s >= since_s)]
    more = len(newest) == CHANGES_READ and (read or newest[-1].change.asked.at_s >= since_s)
    surprises = [*_unforeseen(told), *await _drift(store, units, since_s, now_s)]
    return Digest(
        person=person,
        since_s=read.at_s if read is not None else None,
        up_to=newest[0].change.seq if newest else (read.change if read is not None else 0),
        apps=tuple(unit.name for unit in units if unit not in unread),
        unread=tuple(unit.name for unit in units if unit in unread),
        needs=tuple(_needs(mine, now_s)),
        changed=_grouped(told, decided),
        surprises=tuple(sorted(surprises, key=lambda s: -s.at_s)),
        more=bool(more),
        at_s=now_s,
    )


async def introduction(store: Store, actor: Actor) -> tuple[Introduced, ...]:
    """The decisions that most live values rest on, the one that nobody has looked at for longest
    first."""
    access.authorise(actor, "see", "the decisions")
    decided = [d for d in fold(await store.decisions()) if not d.superseded_by]
    decided = await decisions.seen_by(store, actor, decided)
    counts: defaultdict[int, int] = defaultdict(int)
    for unit in await lookup.apps_of(store, actor):
        about = [d for d in decided if _governs([d], unit)]
        for path in flatten(unit.intent) if about else ():
            for decision in about:
                counts[decision.seq] += decision.governs(unit.id, path)
    found = [Introduced(d, counts[d.seq]) for d in decided if counts[d.seq]]
    most = sorted(found, key=lambda i: -i.fields)[:INTRODUCED_MAX]
    return tuple(sorted(most, key=lambda i: i.decision.checked_at_s))


async def outward(store: Store, lines: Sequence[str]) -> tuple[str, ...]:
    """As they may leave the house: a line that holds a secret of any app, such as the value of a
    config var, is left out. Nobody could write one down while it was one; it may have become one
    since."""
    refs = {ref.key: ref for unit in await store.units() for ref in unit.intent.sealed}
    found = telling(tuple((await store.reveal(refs)).values()))
    values = [v for v in found if len(v) >= SECRET_CHARS_MIN]
    return tuple(LEFT_OUT if any(v in line for v in values) else line for line in lines)


def _governs(found: Iterable[Decision], unit: Unit) -> bool:
    return any(scope.unit in ("", unit.id) for d in found for scope in d.decided.governs)


def _needs(mine: Iterable[Decision], now_s: float) -> Iterator[Need]:
    for decision in mine:
        if decision.bet_state == "lost":
            yield Need(decision, "lost")
        elif decision.looks_lost:
            yield Need(decision, "looks lost")
        elif decision.overdue_s(now_s) is not None:
            yield Need(decision, "due")
        elif decision.question is not None:
            yield Need(decision, "asked")


def _grouped(told: Sequence[Logged], decided: Sequence[Decision]) -> tuple[Group, ...]:
    """By the decision each Change is part of, or that governs what it touched; newest first."""
    by_seq = {d.seq: d for d in decided}
    groups: defaultdict[int, list[Logged]] = defaultdict(list)
    for change in told:
        groups[_decision_of(change, by_seq, decided)].append(change)
    return tuple(Group(by_seq.get(seq), tuple(found)) for seq, found in groups.items())


def _decision_of(told: Logged, by_seq: dict[int, Decision], decided: Sequence[Decision]) -> int:
    named = told.change.asked.decision
    if named in by_seq:
        return named
    return next(
        (
            d.seq
            for d in reversed(decided)
            if any(d.governs(told.unit, touch.path) for touch in told.touches)
        ),
        0,
    )


def _unforeseen(told: Iterable[Logged]) -> Iterator[Surprise]:
    for each in told:
        text = surprise(each.outcome) if each.outcome is not None else ""
        if text:
            change = each.change
            yield Surprise(change.asked.at_s, each.app, f"{change.summary}: {text}", change.seq)


async def _drift(
    store: Store, units: Iterable[Unit], since_s: float, now_s: float
) -> list[Surprise]:
    """What outsiders did, of the last day at most."""
    found: list[Surprise] = []
    for unit in units:
        for drifted in await drift.lately(store, unit.id, now_s):
            if drifted.at_s >= since_s:
                found.append(Surprise(drifted.at_s, unit.name, drifted.what))
    return found
