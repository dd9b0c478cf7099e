"""What was decided: all of it, one, or what governs a value."""

from collections.abc import Iterable, Sequence

import msgspec

from setpoint.model.answer import Governing
from setpoint.model.change import Actor
from setpoint.model.decision import Decision
from setpoint.model.errors import NotFound
from setpoint.model.ids import AppId
from setpoint.planning import signals
from setpoint.planning.decisions import fold
from setpoint.policy import access
from setpoint.policy import decisions as policy
from setpoint.store.port import Store
from setpoint.views import lookup


async def decisions(
    store: Store,
    actor: Actor,
    now_s: float,
    *,
    name: str | None = None,
    due: bool = False,
    bets: bool = False,
) -> tuple[Decision, ...]:
    """By number. `name`: those that govern something of this app. `bets`: whose bet is open, or
    lost and not replaced; `due`: only those of them that somebody has to look at now."""
    access.authorise(actor, "see", name or "the decisions")
    unit = await lookup.app_to(store, actor, "see", name) if name is not None else None
    found = fold(
        await store.decisions(
            unit=unit.id if unit is not None else None, bets=(bets or due) and unit is None
        )
    )
    if bets or due:
        found = tuple(d for d in found if d.bet_state in ("open", "lost") and not d.superseded_by)
    found = await seen_by(store, actor, await measured(store, found, now_s))
    return tuple(d for d in found if not due or d.needs_a_look(now_s))


async def seen_by(store: Store, actor: Actor, found: Sequence[Decision]) -> tuple[Decision, ...]:
    """Those that the actor may know of, and of what they govern no app that is hidden. Whoever
    decided something, or looks after it, sees it in any case."""
    governed = {scope.unit for d in found for scope in d.decided.governs}
    hidden = await lookup.hidden(store, actor, governed)
    return tuple(bare for d in found if (bare := _bare(actor, d, hidden)) is not None)


def _bare(actor: Actor, decision: Decision, hidden: frozenset[str]) -> Decision | None:
    decided = decision.decided
    governs = tuple(scope for scope in decided.governs if scope.unit not in hidden)
    theirs = actor.email in (decided.owner, decided.backup, decision.asked.actor.email)
    if actor.reach != "all" and not governs and not theirs:
        return None
    bare = msgspec.structs.replace(decided, governs=governs)
    return msgspec.structs.replace(decision, decided=bare)


async def measured(store: Store, found: Sequence[Decision], now_s: float) -> tuple[Decision, ...]:
    """With what the signals of open bets are now."""
    return tuple([await _measured(store, d, now_s) for d in found])


async def _measured(store: Store, decision: Decision, now_s: float) -> Decision:
    bet = decision.decided.bet
    if bet is None or bet.signal is None or decision.bet_state != "open":
        return decision
    unit = AppId(decision.decided.governs[0].unit)
    since_s = now_s - bet.signal.window_s
    samples = await store.samples(unit, bet.signal.process, since_s)
    seen = signals.measured(bet.signal, samples, now_s)
    return msgspec.structs.replace(decision, measured=seen)


async def decision(store: Store, actor: Actor, label: str, now_s: float) -> Governing:
    """One, and what it serves. Raises NotFound."""
    access.authorise(actor, "see", label)
    number = policy.label(label, "cannot see it")
    found = await measured(store, fold(await store.decisions(numbers=(number,))), now_s)
    if not (shown := await seen_by(store, actor, found)):
        raise NotFound(f"cannot see it: there is no {label}", "see: setpoint bets --all")
    return (await _with_what_they_serve(store, actor, shown))[0]


async def of_app(store: Store, unit: AppId, now_s: float) -> tuple[Decision, ...]:
    """Those that stand and govern something of it, whoever asks."""
    found = [d for d in fold(await store.decisions(unit=unit)) if not d.superseded_by]
    return await measured(store, found, now_s)


async def governing(
    store: Store, actor: Actor, unit: str, path: str, change: int, now_s: float
) -> tuple[Governing, ...]:
    """What a value rests on now, newest first. `change`: number of the decision that the Change it
    comes from is part of, or 0. What another of them serves is told with that one."""
    records = await store.decisions(unit=AppId(unit))
    if change and all(r.decision != change for r in records):
        records = (*records, *await store.decisions(numbers=(change,)))
    found = [d for d in fold(records) if d.governs(unit, path) or d.seq == change]
    served = {d.decided.serves for d in found}
    live = [d for d in reversed(found) if not d.superseded_by and d.seq not in served]
    shown = await seen_by(store, actor, await measured(store, live, now_s))
    return await _with_what_they_serve(store, actor, shown)


async def _with_what_they_serve(
    store: Store, actor: Actor, found: Sequence[Decision]
) -> tuple[Governing, ...]:
    wanted = {d.decided.serves for d in found if d.decided.serves}
    served = {d.seq: d for d in await seen_by(store, actor, await _numbered(store, wanted))}
    return tuple(Governing(d, served.get(d.decided.serves)) for d in found)


async def _numbered(store: Store, numbers: Iterable[int]) -> tuple[Decision, ...]:
    wanted = tuple(numbers)
    return fold(await store.decisions(numbers=wanted)) if wanted else ()
