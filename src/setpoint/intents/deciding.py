"""The decision that a Change is part of, by the trailers of its why."""

from collections.abc import Mapping

import msgspec

from setpoint.model.app import AppIntent, Unit
from setpoint.model.change import Asked
from setpoint.model.decision import Decided, Scope
from setpoint.model.errors import NotFound, Refused
from setpoint.model.ids import AppId
from setpoint.model.paths import compared
from setpoint.policy import decisions as policy
from setpoint.policy import signals, words
from setpoint.store.port import Store

FAILING = "cannot record the decision"


async def part_of(
    store: Store, asked: Asked, base: Unit | None, intent: AppIntent
) -> tuple[Asked, Decided | None]:
    """`Decision: d-7` names one that is there; `Bet:` makes one of its own, which then serves the
    one that is named. What nobody typed for this Change must not keep it from happening: of a
    commit, trailers that say nothing of use stay part of its message. Raises Refused."""
    rest, said = words.deciding(asked)
    if not said:
        return asked, None
    try:
        decided = _decided(rest, said, base, intent)
        if decided is not None:
            decided = await watching(store, decided)
        named = await _named(store, said.get("decision", ""))
    except Refused:
        if asked.why_source in words.PICKED_UP:
            return asked, None
        raise
    if decided is None:
        return msgspec.structs.replace(rest, decision=named), None
    return rest, msgspec.structs.replace(decided, serves=named)


async def watching(store: Store, decided: Decided) -> Decided:
    """With what its signal is measured of; one that cannot be measured there is refused by name.
    Raises Invalid."""
    bet = decided.bet
    if bet is None or bet.signal is None:
        return decided
    unit, process = signals.watched(bet.signal, decided.governs)
    releases = await store.releases(AppId(unit), 1)
    known = releases[0].slug.processes if releases else ()
    signals.check_measured(bet.signal, decided.governs[0].app, process, known)
    signal = msgspec.structs.replace(bet.signal, process=process)
    return msgspec.structs.replace(decided, bet=msgspec.structs.replace(bet, signal=signal))


def told(decided: Decided) -> tuple[str, ...]:
    """All of it that is somebody's words."""
    bet = decided.bet
    return (bet.claim, bet.wrong_if, bet.if_wrong) if bet is not None else ()


def _decided(
    asked: Asked, said: Mapping[str, str], base: Unit | None, intent: AppIntent
) -> Decided | None:
    revisit_at_s = policy.revisit(said.get("revisit", ""), asked.at_s, FAILING)
    texts = [words.line(said.get(key, "")) for key in ("bet", "wrong-if", "if-wrong")]
    claim, wrong_if, if_wrong = texts
    bet = policy.bet(claim, wrong_if, if_wrong, revisit_at_s)
    if bet is None:
        return None
    owner = asked.on_behalf_of or asked.actor.email or asked.actor.name
    return Decided(_governed(base, intent), bet, owner)


def _governed(base: Unit | None, intent: AppIntent) -> tuple[Scope, ...]:
    """What the Change touches; all of an app that it creates."""
    if base is None:
        return (Scope(intent.id, intent.name, "*"),)
    paths = [t.path for t in compared(base.intent, intent)]
    if len(paths) > policy.SCOPES_MAX:
        paths = sorted({f"{path.partition('.')[0]}.*" for path in paths})
    return tuple(Scope(intent.id, intent.name, path) for path in paths)


async def _named(store: Store, label: str) -> int:
    if not label:
        return 0
    number = policy.label(label, FAILING)
    if not await store.decisions(numbers=(number,)):
        raise NotFound(f"{FAILING}: there is no {label}", "see: setpoint bets --all")
    return number
