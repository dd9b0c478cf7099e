"""Somebody decides something, stands by it, doubts it, or says how its bet went. No intent is
altered, so it is no Change; a Change may be part of a decision."""

from collections.abc import Iterable, Mapping

import msgspec

from setpoint.intents.deciding import watching
from setpoint.intents.door import Door
from setpoint.model.app import Unit
from setpoint.model.change import Actor, Asked
from setpoint.model.decision import EVERY_APP, Decided, Decision, RecordKind, Scope, Wish
from setpoint.model.errors import Forbidden, Invalid, NotFound
from setpoint.model.ids import AppId
from setpoint.planning.decisions import fold
from setpoint.policy import access, words
from setpoint.policy import decisions as policy

DECIDE, VERIFY, QUESTION, SETTLE = "decide", "verify", "question", "settle the bet of"
CHANGES_LOOKED_AT = 500
"""How far back people are known from."""


async def decide(door: Door, asked: Asked, wish: Wish) -> Decision:
    """Raises Refused; nothing is written then."""
    said, decided = await drafted(door, asked, wish)
    return await _now(door, (await door.store.decide(said, decided)).decision)


async def drafted(
    door: Door, asked: Asked, wish: Wish, unborn: Mapping[str, Unit] = {}
) -> tuple[Asked, Decided]:
    """As it may be recorded; nothing is written. `unborn`: apps that are about to be created.
    Raises Refused."""
    access.authorise(asked.actor, DECIDE, "anything")
    policy.check_count(wish.on)
    revisit_at_s = policy.revisit(wish.revisit, asked.at_s, "cannot decide")
    told = (words.line(wish.bet), words.line(wish.wrong_if), words.line(wish.if_wrong))
    bet = policy.bet(*told, revisit_at_s)
    owner = wish.owner or asked.on_behalf_of or asked.actor.email or asked.actor.name
    if wish.owner or wish.backup:
        policy.check_people(owner, wish.backup, await _people(door, asked))
    units = await _units(door, asked.actor, wish.on, unborn)
    values = await _values(door, (u for u in units.values() if u.name not in unborn))
    said = msgspec.structs.replace(asked, why=wish.text, why_source="flag")
    said = words.accepted(words.linked(said), values)
    if not said.why:
        raise Invalid("cannot decide: there are no words", "say what was decided with -m")
    words.check_told(told, values, said.why_source)
    decided = Decided(
        governs=tuple([await _scope(door, one, units) for one in wish.on]),
        bet=bet,
        owner=owner,
        backup=wish.backup,
        serves=await _other(door, asked.actor, wish.serves),
        supersedes=await _other(door, asked.actor, wish.supersedes, replaced=True),
    )
    return said, await watching(door.store, decided)


async def verify(door: Door, asked: Asked, label: str, how: str) -> Decision:
    """It still holds, says whoever asks."""
    return await _said(door, asked, VERIFY, label, "verified", how)


async def question(door: Door, asked: Asked, label: str, text: str) -> Decision:
    """Does it still hold? It is shown to its owner until somebody verifies it."""
    return await _said(door, asked, QUESTION, label, "questioned", text)


async def settle(
    door: Door, asked: Asked, label: str, ending: str, text: str, revisit: str
) -> Decision:
    """`ending`: 'held', 'lost' or 'extend'; the last with a new date."""
    access.authorise(asked.actor, SETTLE, label)
    kind = policy.ENDINGS.get(ending)
    failing = f"cannot settle the bet of {label[:20]}"
    if kind is None:
        raise Invalid(f"{failing}: it ends held, lost or extended", "say: setpoint bet held d-1")
    revisit_at_s = policy.revisit(revisit, asked.at_s, failing)
    decision = await _known(door, asked.actor, label, failing)
    policy.check_ending(decision, kind, revisit_at_s)
    return await _said(door, asked, SETTLE, label, kind, text, revisit_at_s)


async def _said(
    door: Door,
    asked: Asked,
    verb: str,
    label: str,
    kind: RecordKind,
    text: str,
    revisit_at_s: float | None = None,
) -> Decision:
    access.authorise(asked.actor, verb, label)
    decision = await _known(door, asked.actor, label, f"cannot {verb} it")
    await _check_theirs(door, asked.actor, verb, decision)
    said = msgspec.structs.replace(asked, why=text, why_source="flag") if text else asked
    said = words.accepted(said, await _values(door, await _governed(door, decision)))
    await door.store.say(decision.seq, kind, said, revisit_at_s)
    return await _now(door, decision.seq)


async def _governed(door: Door, decision: Decision) -> tuple[Unit, ...]:
    ids = {scope.unit for scope in decision.decided.governs}
    if "" in ids:
        return await door.store.units()
    found = [await door.store.unit(AppId(id)) for id in ids]
    return tuple(unit for unit in found if unit is not None)


async def _known(door: Door, actor: Actor, label: str, failing: str) -> Decision:
    number = policy.label(label, failing)
    found = fold(await door.store.decisions(numbers=(number,)))
    if not found or not await seen(door, actor, found[0]):
        raise NotFound(f"{failing}: there is no {label}", "see: setpoint bets --all")
    return found[0]


async def seen(door: Door, actor: Actor, decision: Decision) -> bool:
    """What governs every app is everybody's to know."""
    if actor.reach == "all" or _looks_after(actor, decision):
        return True
    if any(not scope.unit for scope in decision.decided.governs):
        return True
    return any(access.sees(actor, unit) for unit in await _governed(door, decision))


async def _check_theirs(door: Door, actor: Actor, verb: str, decision: Decision) -> None:
    """Who looks after it may say what they like of it; others, what their roles on all that it
    governs let them. Raises Forbidden, NotFound."""
    if actor.reach == "all" or _looks_after(actor, decision):
        return
    if any(not scope.unit for scope in decision.decided.governs):
        raise Forbidden(f"cannot {verb} {decision.label}: it governs every app")
    for unit in await _governed(door, decision):
        access.admit(actor, verb, unit)


def _looks_after(actor: Actor, decision: Decision) -> bool:
    decided = decision.decided
    return actor.email in (decided.owner, decided.backup, decision.asked.actor.email)


async def _now(door: Door, number: int) -> Decision:
    return fold(await door.store.decisions(numbers=(number,)))[0]


async def _other(door: Door, actor: Actor, label: str, *, replaced: bool = False) -> int:
    """One that is there already, so that no two can ever serve or replace each other."""
    if not label:
        return 0
    other = await _known(door, actor, label, "cannot decide")
    if replaced:
        await _check_theirs(door, actor, SETTLE, other)
    return other.seq


async def _units(
    door: Door, actor: Actor, selectors: Iterable[str], unborn: Mapping[str, Unit]
) -> dict[str, Unit]:
    """Apps by the name they were given by; every app for `*`."""
    found: dict[str, Unit] = {}
    for said in selectors:
        name, _ = policy.selector(said)
        if name == EVERY_APP and actor.reach != "all":
            raise Forbidden(
                "cannot decide on every app: that is for administrators",
                "name those that are yours",
            )
        if name == EVERY_APP:
            found |= {unit.name: unit for unit in await door.store.units()}
            continue
        unit = unborn.get(name) or await door.store.unit_named(name)
        if unit is None or unit.intent.deleted:
            raise access.no_such_app("decide on", name)
        if name not in unborn:
            access.admit(actor, "decide on", unit)
        found[name] = unit
    return found


async def _scope(door: Door, said: str, units: dict[str, Unit]) -> Scope:
    name, path = policy.selector(said)
    if name == EVERY_APP:
        return Scope("", name, path)
    unit = units[name]
    releases = await door.store.releases(unit.id, 1)
    processes = {p.name for p in releases[0].slug.processes} if releases else set[str]()
    return Scope(unit.id, unit.name, policy.path_meant(name, unit.intent, path, processes))


async def _values(door: Door, units: Iterable[Unit]) -> tuple[str, ...]:
    """Config values that must not stand in what is said."""
    values: list[str] = []
    for unit in units:
        values += (await door.store.reveal(unit.intent.config)).values()
    return tuple(values)


async def _people(door: Door, asked: Asked) -> frozenset[str]:
    """Whoever asks, owns an app, or changed something lately; and who was acted for."""
    known = {asked.actor.email, asked.on_behalf_of}
    known |= {unit.owner for unit in await door.store.units()}
    known |= {account.email for account in await door.store.accounts()}
    for made in await door.store.changes(None, CHANGES_LOOKED_AT):
        known |= {made.change.asked.actor.email, made.change.asked.on_behalf_of}
    return frozenset(known - {""})
