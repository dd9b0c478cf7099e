"""Who set it, why, what became of it, how fresh that is, and what going back would do: one path of
an app's document, or all of them in a line each."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from setpoint.model.answer import Actual, FieldAnswer, FieldLine, Freshness, Past
from setpoint.model.app import Unit
from setpoint.model.capability import Capabilities
from setpoint.model.change import Actor, Note, UnitChange
from setpoint.model.decision import Decision
from setpoint.model.errors import Invalid, NotFound
from setpoint.model.journal import Entry
from setpoint.model.observed import StatusSummary
from setpoint.model.paths import flatten, is_secret, meant, shown
from setpoint.model.release import Release
from setpoint.model.story import Reason
from setpoint.planning.actual import actual, upkeep_over
from setpoint.planning.decisions import doubt
from setpoint.planning.explain import by_default
from setpoint.planning.reasons import DAY_S, STALE_DAYS, reason, stale
from setpoint.policy import times
from setpoint.policy.names import shortened
from setpoint.store.port import Status, Store
from setpoint.views import decisions, drains, drift, lookup, outcomes, releases, undo

HISTORY_MAX = 100
RELEASES_READ = 50
JOURNAL_READ = 200
DEEDS_MAX = 5
CHANGES_READ = 500
VERIFIED_S = STALE_DAYS * DAY_S


async def answer(
    store: Store,
    actor: Actor,
    name: str,
    said: str,
    capabilities: Capabilities,
    now_s: float,
    *,
    whole_history: bool = False,
    undoing: bool = False,
    at: str = "",
) -> FieldAnswer | tuple[FieldLine, ...]:
    """Of several paths that may be meant, a line each, but for what is told of one alone: its
    whole history, each step of an undo. `at`: a time, an age or a Change ('c12'). Raises NotFound,
    Invalid."""
    unit = await lookup.app_to(store, actor, "see", name)
    if at:
        return await _answer_then(store, unit, said, at, now_s)
    found = meant(flatten(unit.intent), said)
    if len(found) > 1:
        _check_one(unit, said, found, whole_history=whole_history, undoing=undoing)
        decided = await _lines(store, unit, found, now_s)
        return decided or await _lines(store, unit, found, now_s, defaults=True)
    if not found:
        found = await _removed(store, unit, said)
    path = found[0]
    # Whether an earlier Change set the same secret can only be told from all of them.
    walk = whole_history or is_secret(path)
    made = await (store.touching(unit.id, path, HISTORY_MAX) if walk else _last(store, unit, path))
    return await _answered(store, actor, unit, path, made, capabilities, now_s, whole=whole_history)


def _check_one(
    unit: Unit, said: str, found: Sequence[str], *, whole_history: bool, undoing: bool
) -> None:
    if whole_history or undoing:
        what = "the history" if whole_history else "how to undo"
        raise Invalid(
            f"cannot tell {what} of '{shortened(said)}' of '{unit.name}': it may be several values",
            f"name one: {', '.join(sorted(found))}",
        )


async def stale_lines(store: Store, actor: Actor, name: str, now_s: float) -> tuple[FieldLine, ...]:
    """All that somebody set for a reason that does not answer, or is old by now."""
    return tuple(line for line in await set_lines(store, actor, name, now_s) if line.stale)


async def set_lines(store: Store, actor: Actor, name: str, now_s: float) -> tuple[FieldLine, ...]:
    """All that somebody set, with the reason for it."""
    unit = await lookup.app_to(store, actor, "see", name)
    return await _lines(store, unit, tuple(flatten(unit.intent)), now_s)


# --- one path, now ---------------------------------------------------------------------------


async def _last(store: Store, unit: Unit, path: str) -> tuple[UnitChange, ...]:
    """The Change that set it; or the one that removed it, which takes a walk."""
    field = await store.field(unit.id, path)
    if field is None:
        return await store.touching(unit.id, path, 1)
    return tuple(c for c in await store.change(field.change) if c.unit == unit.id)


async def _removed(store: Store, unit: Unit, said: str) -> tuple[str, ...]:
    """The path that is meant by one that is not set any more. Raises NotFound."""
    for path in (said, f"config.{said}", f"formation.{said}"):
        if await store.touching(unit.id, path, 1):
            return (path,)
    raise NotFound(
        f"cannot explain '{shortened(said)}' of '{unit.name}': it was never set",
        f"set are: {', '.join(sorted(flatten(unit.intent)))}",
    )


async def _answered(
    store: Store,
    actor: Actor,
    unit: Unit,
    path: str,
    made: Sequence[UnitChange],
    capabilities: Capabilities,
    now_s: float,
    *,
    whole: bool,
) -> FieldAnswer:
    notes = await store.notes([c.change.seq for c in made])
    history = _history(path, made, notes)
    kept = await store.releases(unit.id, RELEASES_READ)
    came = await outcomes.outcomes(store, unit, made[:1], kept)
    status, seen = await lookup.seen(store, unit.id)
    serving = next((r for r in kept if r.version == releases.current(kept)), None)
    entries = await store.journal(unit.id, JOURNAL_READ)
    repaired = drift.repairs(entries)
    return FieldAnswer(
        app=unit.name,
        path=path,
        value=shown(flatten(unit.intent).get(path)),
        history=history if whole else history[:1],
        outcome=came[made[0].change.seq],
        fresh=_fresh(unit, made[0], kept, now_s),
        actual=await _actual(store, unit, path, status, seen, serving, now_s),
        undo=await undo.undo(store, unit, path, made[0], kept, capabilities, seen.unmet, now_s),
        governing=await decisions.governing(
            store, actor, unit.id, path, made[0].change.asked.decision, now_s
        ),
        standing=_about(path, (e for e in entries if e.kind == "act"), made[0]),
        repairs=_about(path, repaired, made[0]),
    )


async def _actual(
    store: Store,
    unit: Unit,
    path: str,
    status: Status | None,
    seen: StatusSummary,
    serving: Release | None,
    now_s: float,
) -> Actual | None:
    if path.startswith("drains."):
        told = await drains.words(store, unit, path.split(".")[1], now_s)
        return Actual(None, told, "", now_s) if told else None
    if path == "upkeep.mode" and unit.intent.upkeep is not None:
        return upkeep_over(unit.intent.upkeep, now_s)
    return actual(path, seen, serving, status.at_s) if status is not None else None


def _history(
    path: str, made: Sequence[UnitChange], notes: Mapping[int, tuple[Note, ...]]
) -> tuple[Past, ...]:
    told: list[Past] = []
    first: dict[object, int] = {}
    for change in reversed(made):
        touch = next(t for t in change.touches if t.path == path)
        seq, said = change.change.seq, notes.get(change.change.seq, ())
        same_as = first.get(touch.new_print, 0) if touch.new_print else 0
        told.append(Past(change, touch, reason(change.change.asked, said, touch), said, same_as))
        first.setdefault(touch.new_print, seq)
    return tuple(reversed(told))


def _fresh(unit: Unit, made: UnitChange, kept: Sequence[Release], now_s: float) -> Freshness:
    since = [r for r in kept if r.change > made.change.seq]
    return Freshness(
        age_s=max(0.0, now_s - made.change.asked.at_s),
        changes_since=max(0, unit.generation - made.generation),
        releases_since=len(since),
        more=len(since) == RELEASES_READ,
    )


def _about(path: str, entries: Iterable[Entry], made: UnitChange) -> tuple[Entry, ...]:
    """What was done about one process type since this Change was accepted: the newest few."""
    head, _, rest = path.partition(".")
    if head != "formation":
        return ()
    process = rest.rpartition(".")[0]
    found = (
        e
        for e in entries
        if e.planned_at_s >= made.change.asked.at_s
        and (e.subject == process or e.subject.startswith((f"{process}.", f"{process}@")))
    )
    return tuple(islice(found, DEEDS_MAX))


# --- one path, then --------------------------------------------------------------------------


async def _answer_then(store: Store, unit: Unit, said: str, at: str, now_s: float) -> FieldAnswer:
    at_s, newest = await _moment(store, unit, at, now_s)
    document = await store.as_of(unit.id, at_s, newest)
    found = meant(flatten(document), said) if document is not None else ()
    if len(found) > 1:
        raise NotFound(
            f"cannot explain '{shortened(said)}' of '{unit.name}' then: several are meant",
            f"name one: {', '.join(found)}",
        )
    path = found[0] if found else said
    touched = await store.touching(unit.id, path, CHANGES_READ)
    made = [c for c in touched if c.change.seq <= newest and c.change.asked.at_s <= at_s][:1]
    if not made:
        raise NotFound(f"cannot explain '{shortened(path)}' of '{unit.name}': it was not set then")
    history = _history(path, made, await store.notes([made[0].change.seq]))
    kept = await store.releases(unit.id, RELEASES_READ)
    came = await outcomes.outcomes(store, unit, made, kept)
    seq = made[0].change.seq
    return FieldAnswer(unit.name, path, history[0].touch.new, history, came[seq], at_s=at_s)


async def _moment(store: Store, unit: Unit, at: str, now_s: float) -> tuple[float, int]:
    """(unix seconds, the newest Change that counts)."""
    failing = f"cannot look back at '{unit.name}'"
    if at[:1] == "c" and at[1:].isdecimal() and len(at) < 20:
        seq = int(at[1:])
        made = [c for c in await store.change(seq) if c.unit == unit.id]
        if not made:
            raise NotFound(f"{failing}: {at} is no Change of it", f"see: setpoint log {unit.name}")
        return made[0].change.asked.at_s, seq
    return times.past(at, now_s, failing), 2**62


# --- many paths ------------------------------------------------------------------------------


async def _lines(
    store: Store, unit: Unit, paths: Sequence[str], now_s: float, *, defaults: bool = False
) -> tuple[FieldLine, ...]:
    """By path. `defaults`: also what nobody decided."""
    leaves = flatten(unit.intent)
    set_by = {f.path: f.change for f in await store.fields(unit.id) if f.path in paths}
    notes = await store.notes([*set(set_by.values())])
    kept = await store.releases(unit.id, RELEASES_READ)
    made = {seq: await _made(store, unit, seq) for seq in set(set_by.values())}
    decided = await decisions.of_app(store, unit.id, now_s)
    told: list[FieldLine] = []
    for path, seq in sorted(set_by.items()):
        if not defaults and _came_along(path, made[seq]):
            continue
        asked, fresh = made[seq].change.asked, _fresh(unit, made[seq], kept, now_s)
        touch = next((t for t in made[seq].touches if t.path == path), None)
        said = reason(asked, notes.get(seq, ()), touch)
        told.append(
            FieldLine(
                path=path,
                value=shown(leaves[path]),
                change=seq,
                by=asked.actor.email or asked.actor.name,
                at_s=asked.at_s,
                reason=said,
                fresh=fresh,
                stale=_stale(said, fresh, [d for d in decided if d.governs(unit.id, path)], now_s),
            )
        )
    return tuple(told)


def _stale(said: Reason, fresh: Freshness, decided: Sequence[Decision], now_s: float) -> str:
    """A decision that somebody has verified lately answers for what it governs; one in doubt puts
    all of that in doubt."""
    doubted = doubt(decided, now_s)
    verified = any(now_s - d.verified.asked.at_s < VERIFIED_S for d in decided if d.verified)
    return doubted or ("" if verified else stale(said, fresh))


def _came_along(path: str, made: UnitChange) -> bool:
    """Nobody decided it: a default beside what was asked for, or made with the app."""
    if path == "invoke_key":
        return made.change.verb == "create"
    return by_default(next(t for t in made.touches if t.path == path))


async def _made(store: Store, unit: Unit, seq: int) -> UnitChange:
    return next(c for c in await store.change(seq) if c.unit == unit.id)
