"""A story turned into sentences. Pure: nothing is looked up here, and nothing is made up.

Two words kept apart: *because* is the computed reason on a step, *why* the human's on a Change.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from setpoint.model.change import Change, Touch
from setpoint.model.journal import Entry
from setpoint.model.story import Chapter, FieldStory, Story
from setpoint.model.text import printable, printable_lines

DRIFT_RULES = frozenset({"missing", "orphan"})
"""Rules of steps that repair: the world had changed, not the intent."""

_LABEL_CHARS = 9


def why(story: Story) -> tuple[str, ...]:
    """Lines for `setpoint why APP`."""
    return tuple(_why(story))


def why_field(story: FieldStory) -> tuple[str, ...]:
    """Lines for `setpoint why APP PATH`."""
    return tuple(_why_field(story))


def _why(story: Story) -> Iterator[str]:
    yield f"{story.name}: its last {_count(len(story.chapters), 'Change')}, newest first"
    for chapter in story.chapters:
        yield ""
        yield from _chapter(chapter)
    for title, entries in (
        ("standing orders, by themselves", story.standing),
        ("drift repaired, nobody asked", story.repairs),
    ):
        if entries:
            yield ""
            yield title
            for entry in entries:
                yield from _labelled(when(entry.planned_at_s), _deed(entry), _last(entry))


def _why_field(story: FieldStory) -> Iterator[str]:
    yield f"{story.app} {story.path} = {_value(story.value)}"
    for told in story.history:
        touch = next(t for t in told.touches if t.path == story.path)
        yield ""
        yield _title(told.change)
        yield from _asked(told.change)
        yield from _labelled("was", _value(touch.old))


def _chapter(chapter: Chapter) -> Iterator[str]:
    change = chapter.change.change
    yield _title(change)
    yield from _asked(change)
    for touch in chapter.change.touches:
        yield from _labelled("set", _touched(touch))
    if chapter.release is not None:
        told = f"{chapter.release.label}, {chapter.release.status}"
        yield from _labelled("release", told, chapter.release.message)
    for entry in chapter.entries:
        yield from _labelled("did", _deed(entry), _last(entry))


def _title(change: Change) -> str:
    return f"{change.label}  {printable(change.summary)}"


def _asked(change: Change) -> Iterator[str]:
    asked = change.asked
    for_whom = f" for {printable(asked.on_behalf_of)}" if asked.on_behalf_of else ""
    who = printable(asked.actor.email or asked.actor.name)
    yield from _labelled("by", f"{who}{for_whom} via {asked.via}, {when(asked.at_s)}")
    if asked.why:
        first, *rest = printable_lines(asked.why)
        yield from _labelled("why", first, "\n".join(rest))
    for link in asked.links:
        yield from _labelled("see", printable(link))


def _touched(touch: Touch) -> str:
    if touch.new is None:
        return f"{touch.path} removed (was {_value(touch.old)})"
    if touch.old is None:
        return f"{touch.path} = {_value(touch.new)}"
    return f"{touch.path} = {_value(touch.new)} (was {_value(touch.old)})"


def _deed(entry: Entry) -> str:
    """`ensure-processes web — v4 is to take over web [roll-out]: succeeded in 12 ms`"""
    times = f", {entry.count} times" if entry.count > 1 else ""
    return (
        f"{entry.verb} {printable(entry.subject)} — {printable(entry.because)} "
        f"[{entry.rule}]: {_outcome(entry)}{times}"
    )


def _outcome(entry: Entry) -> str:
    if entry.state == "planned" or entry.ended_at_s is None:
        return "under way" if entry.state == "planned" else entry.state
    if entry.kind == "act":
        return f"last {when(entry.ended_at_s)}" if entry.count > 1 else entry.state
    return f"{entry.state} in {duration(entry.ended_at_s - entry.planned_at_s)}"


def _last(entry: Entry) -> str:
    """What the world answered, where it did not go well."""
    return "" if entry.state == "succeeded" else entry.result


def _labelled(label: str, text: str, more: str = "") -> Iterator[str]:
    gap = " " * max(2, _LABEL_CHARS - len(label))
    yield f"    {label}{gap}{text}"
    for line in printable_lines(more):
        yield f"    {'':<{_LABEL_CHARS}}{line}"


def _value(value: object) -> str:
    return "not set" if value is None else printable(str(value))


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def when(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(seconds: float) -> str:
    """`12 ms`, `3.4 s`, `2 min 5 s`"""
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"
