"""What a value answers, in words for somebody who is tired. Pure, and nothing is made up: a reason
is somebody's own words, everything else a number that was kept or computed."""

from collections.abc import Iterator, Sequence

from setpoint.model.answer import (
    Actual,
    FieldAnswer,
    FieldLine,
    Freshness,
    Past,
    PlannedStep,
    Undo,
    Who,
)
from setpoint.model.app import MIB
from setpoint.model.change import Asked, Touch
from setpoint.model.story import Reason
from setpoint.model.text import printable, printable_lines
from setpoint.planning import decisions
from setpoint.planning.explain import (
    ROUTINE_RULES,
    SOURCES,
    ago,
    by_default,
    deed,
    duration,
    labelled,
    last_words,
    noted,
    outcome,
    title,
    value,
    when,
)

REASON_CHARS_MAX = 48


def field(told: FieldAnswer, now_s: float, *, undo: bool = False) -> tuple[str, ...]:
    """Lines for `setpoint why APP FIELD`. `undo`: with every step of going back."""
    return tuple(_field(told, now_s, undo=undo))


def fields(app: str, lines: Sequence[FieldLine], *, stale: bool = False) -> tuple[str, ...]:
    """Lines for several fields, one each."""
    if not lines:
        return (f"{app}: every reason is there, and none is old",)
    return tuple(_fields(lines, stale=stale))


def who(told: Who, now_s: float) -> tuple[str, ...]:
    return tuple(_who(told, now_s))


# --- one field ---------------------------------------------------------------------------------


def _field(told: FieldAnswer, now_s: float, *, undo: bool) -> Iterator[str]:
    newest, *older = told.history
    then = f" at {when(told.at_s)}" if told.at_s is not None else ""
    yield f"{told.app} {told.path} = {value(told.path, told.value)}{then}"
    if told.actual is not None and told.value is not None:
        yield from _is(told, told.actual, now_s)
    yield from _past(newest, now_s, told.path)
    for each in told.governing:
        yield from decisions.governing(each, now_s)
    yield from labelled("outcome", outcome(told.outcome))
    if told.fresh is not None:
        yield from labelled("fresh", _fresh(told.fresh))
    if told.undo is not None:
        yield from _undo(told.undo, steps=undo)
    for label, entries in (("by itself", told.standing), ("drift", told.repairs)):
        for entry in entries:
            text = f"{when(entry.planned_at_s)}  {deed(entry)}"
            yield from labelled(label, text, last_words(entry))
    for past in older:
        yield ""
        yield from _past(past, now_s, told.path)


def _is(told: FieldAnswer, actual: Actual, now_s: float) -> Iterator[str]:
    parts = [f"intended {value(told.path, told.value)}"]
    if actual.granted is not None:
        parts.append(f"granted {value(told.path, actual.granted)}")
    if actual.actual is not None:
        parts.append(f"actual {value(told.path, actual.actual)}")
    if len(parts) > 1:
        seen = f"last seen to change {ago(now_s - actual.seen_at_s)}"
        yield from labelled("is", f"{' · '.join(parts)} ({seen})", actual.because)


def _past(past: Past, now_s: float, path: str) -> Iterator[str]:
    change = past.made.change
    verb = "set" if past.touch.new is not None else "removed"
    age = ago(now_s - change.asked.at_s)
    yield from labelled(verb, f"{title(change)}, {age} (was {value(path, past.touch.old)})")
    yield from labelled("by", f"{_by(change.asked)}, {when(change.asked.at_s)}")
    yield from _why(past.reason, change.label)
    yield from _said_too(past)
    for note in past.notes:
        if note.asked.why != past.reason.text:
            yield from noted(note)
    for link in change.asked.links:
        yield from labelled("see", printable(link))
    if past.same_as:
        yield from labelled("same", f"the very value that c{past.same_as} had set")


def _said_too(past: Past) -> Iterator[str]:
    """What else was said of it at the time, by the commit or beside the value in the file."""
    asked, beside = past.made.change.asked, past.touch.why or ""
    others = ((asked.why, SOURCES.get(asked.why_source, "said at the time")), (beside, "file"))
    for text, source in others:
        if beside and text and text != past.reason.text:
            first, *rest = printable_lines(text) or [""]
            yield from labelled("also", f"{first} [{source}]", "\n".join(rest))


def _by(asked: Asked) -> str:
    for_whom = f" for {printable(asked.on_behalf_of)}" if asked.on_behalf_of else ""
    return f"{printable(asked.actor.email or asked.actor.name)}{for_whom} via {asked.via}"


def _why(said: Reason, label: str) -> Iterator[str]:
    if said.kind == "none":
        yield from labelled("why", f"nobody said; if you know: setpoint note {label} -m WHY")
        return
    first, *rest = printable_lines(said.text) or [""]
    yield from labelled("why", f"{first} [{'; '.join(_labels(said))}]", "\n".join(rest))


def _labels(said: Reason) -> Iterator[str]:
    if said.source == "note":
        yield f"noted later by {printable(said.by)}, {when(said.at_s)}"
    else:
        yield SOURCES.get(said.source, "said at the time")
    if said.kind == "reused":
        yield f"reused, first said of c{said.reused_from}: it may be about that"
    elif said.kind == "thin":
        yield "thin"


def _fresh(fresh: Freshness) -> str:
    if not fresh.changes_since and not fresh.releases_since:
        return "nothing of this app has changed since"
    more = " or more" if fresh.more else ""
    releases = f"{_count(fresh.releases_since, 'release')}{more}"
    return f"since then {_count(fresh.changes_since, 'Change')} and {releases} of this app"


def _undo(undo: Undo, *, steps: bool) -> Iterator[str]:
    if undo.impossible:
        yield from labelled("undo", undo.impossible)
        return
    back = ", ".join(
        f"{t.path} {value(t.path, t.old)} -> {value(t.path, t.new)}"
        for t in undo.touches
        if not by_default(Touch(t.path, t.new, t.old))
    )
    more = "" if steps or not _visible(undo) else " (--undo tells them)"
    yield from labelled("undo", f"{back}: {', '.join(_effects(undo))}{more}")
    for end in undo.ends:
        yield from labelled("", f"it would end here: {printable(end)}")
    if steps:
        for step in _visible(undo):
            yield from labelled(
                "", f"{step.verb} {step.subject}, because {printable(step.because)}"
            )


def _effects(undo: Undo) -> Iterator[str]:
    if undo.instances:
        fewer = "fewer" if undo.instances < 0 else "more"
        yield f"{_count(abs(undo.instances), 'instance')} {fewer}"
        yield f"{abs(undo.memory_bytes) // MIB} MiB {'less' if undo.memory_bytes < 0 else 'more'}"
    if undo.usual is not None:
        yield f"about {duration(undo.usual.median_s)}"
    count = len(_visible(undo))
    yield _count(count, "step") if count else "nothing that runs would differ"


def _visible(undo: Undo) -> list[PlannedStep]:
    return [step for step in undo.steps if step.rule not in ROUTINE_RULES]


def _count(count: int, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count} {noun}s"


# --- many ----------------------------------------------------------------------------------------


def _fields(lines: Sequence[FieldLine], *, stale: bool) -> Iterator[str]:
    """In columns; what is wrong with a reason stands in place of it where that was asked for."""
    path = max(len(line.path) for line in lines)
    leaf = max(len(value(line.path, line.value)) for line in lines)
    for line in lines:
        told = line.stale if stale else _in_brief(line.reason)
        yield (
            f"{line.path:<{path}}  {value(line.path, line.value):<{leaf}}  c{line.change:<5}"
            f"{ago(line.fresh.age_s):>10}  {printable(line.by)}  {told}"
        ).rstrip()


def _in_brief(said: Reason) -> str:
    if said.kind == "none":
        return "(nobody said why)"
    first = printable_lines(said.text)[0]
    short = first if len(first) <= REASON_CHARS_MAX else first[: REASON_CHARS_MAX - 1] + "…"
    return short if said.kind == "said" else f"{short} [{said.kind}]"


def _who(told: Who, now_s: float) -> Iterator[str]:
    yield f"{told.app} belongs to {printable(told.owner)}"
    if not told.hands:
        return
    yield f"of its last {_count(told.looked_at, 'Change')}:"
    name = max(len(printable(hand.who)) for hand in told.hands)
    for hand in told.hands:
        last = hand.last.change
        yield (
            f"  {printable(hand.who):<{name}}  {_count(hand.changes, 'Change')}, "
            f"the last {ago(now_s - last.asked.at_s)}: {title(last)}"
        )
