"""A story turned into sentences. Pure: nothing is looked up here, and nothing is made up.

Two words kept apart: *because* is the computed reason on a step, *why* the human's on a Change.
"""

from collections.abc import Iterator

from setpoint.model.app import Formation
from setpoint.model.change import Asked, Change, Note, Touch
from setpoint.model.journal import Entry
from setpoint.model.story import Chapter, Outcome, Story
from setpoint.model.text import printable, printable_lines, told, when
from setpoint.planning.reasons import thin

DRIFT_RULES = frozenset({"missing", "altered", "orphan"})
"""Rules of steps that repair: the world had changed, not the intent."""

ROUTINE_RULES = frozenset({"renew"})
"""Rules of steps that change nothing anybody could notice: told as data, not in sentences."""

_UNSAID = Formation(0, 0)
"""A process type's first scale writes its whole formation; what nobody asked for is left out."""

SOURCES = {
    "flag": "-m",
    "header": "Commit-Message",
    "commit": "commit",
    "env": "SETPOINT_WHY",
    "file": "file",
}
"""How a why came in, as the one who wrote it knows it."""

_LABEL_CHARS = 9


def why(story: Story) -> tuple[str, ...]:
    """Lines for `setpoint why APP`."""
    return tuple(_why(story))


def _why(story: Story) -> Iterator[str]:
    yield f"{story.name}: {_heading(len(story.chapters))}"
    for chapter in story.chapters:
        yield ""
        yield from _chapter(chapter)
    for heading, entries in (
        ("Setpoint, by itself", story.standing),
        ("drift, and what came of it", story.repairs),
    ):
        if entries:
            yield ""
            yield heading
            for entry in entries:
                yield from labelled(when(entry.planned_at_s), deed(entry), last_words(entry))


def _heading(chapters: int) -> str:
    return "its last Change" if chapters == 1 else f"its last {chapters} Changes, newest first"


def _chapter(chapter: Chapter) -> Iterator[str]:
    change = chapter.change.change
    yield title(change)
    yield from _asked(change)
    for touch in chapter.change.touches:
        if not by_default(touch):
            yield from labelled("set", _touched(touch), touch.why or "")
    if chapter.release is not None:
        release = f"{chapter.release.label}, {chapter.release.status}"
        yield from labelled("release", release, chapter.release.message)
    for entry in chapter.entries:
        if not _routine(entry):
            yield from labelled("did", deed(entry), last_words(entry))
    if chapter.outcome is not None:
        yield from labelled("outcome", outcome(chapter.outcome))
    for note in chapter.notes:
        yield from noted(note)


def by_default(touch: Touch) -> bool:
    """Nobody asked for this leaf: it came along with another."""
    if touch.old is not None or not touch.path.startswith("formation."):
        return False
    field = touch.path.rpartition(".")[2]
    return field not in ("min", "max") and touch.new == getattr(_UNSAID, field, None)


def _routine(entry: Entry) -> bool:
    return entry.rule in ROUTINE_RULES and entry.state == "succeeded"


def title(change: Change) -> str:
    return f"{change.label}  {printable(change.summary)}"


def _asked(change: Change) -> Iterator[str]:
    asked = change.asked
    for_whom = f" for {printable(asked.on_behalf_of)}" if asked.on_behalf_of else ""
    who = printable(asked.actor.email or asked.actor.name)
    yield from labelled("by", f"{who}{for_whom} via {asked.via}, {when(asked.at_s)}")
    if asked.why:
        first, *rest = printable_lines(asked.why)
        yield from labelled("why", f"{first}{source_of(asked)}", "\n".join(rest))
    for link in asked.links:
        yield from labelled("see", printable(link))


def source_of(asked: Asked) -> str:
    """` [-m]`; and what keeps it from being an answer, if something does."""
    labels = [SOURCES[asked.why_source]] if asked.why_source in SOURCES else []
    if asked.reused_from:
        labels.append(f"reused, first said of c{asked.reused_from}")
    elif thin(asked.why):
        labels.append("thin")
    return f" [{'; '.join(labels)}]" if labels else ""


def noted(note: Note) -> Iterator[str]:
    asked = note.asked
    first, *rest = printable_lines(asked.why)
    who = printable(asked.actor.email or asked.actor.name)
    yield from labelled("note", f"{first} [{who}, {when(asked.at_s)}]", "\n".join(rest))


def outcome(came: Outcome) -> str:
    """`live after 13 s (predicted 14 s, p90 22 s)`"""
    usual = came.predicted
    foretold = "no history to predict it from"
    if usual is not None:
        foretold = f"predicted {duration(usual.median_s)}, p90 {duration(usual.p90_s)}"
    match came.state:
        case "live" if came.took_s is not None:
            late = "later than predicted: " if usual and came.took_s > usual.p90_s else ""
            return f"live after {duration(came.took_s)} ({late}{foretold})"
        case "overtaken":
            return "overtaken by a newer Change before all of it was so"
        case "unknown":
            return "no longer known"
        case "under way":
            return f"under way ({foretold})"
        case _:
            return f"{came.state}: {printable(came.told.partition(chr(10))[0])}"


def _touched(touch: Touch) -> str:
    old, new = value(touch.path, touch.old), value(touch.path, touch.new)
    if touch.new is None:
        return f"{touch.path} removed (was {old})"
    if touch.old in (None, touch.new):
        return f"{touch.path} = {new}"
    return f"{touch.path} = {new} (was {old})"


def deed(entry: Entry) -> str:
    """`ensure-processes web — v4 is to take over web [roll-out]: succeeded in 12 ms`"""
    head = f"{entry.verb} {printable(entry.subject)} — {printable(entry.because)}"
    if entry.kind == "act":
        return head + _repeated(entry)
    times = f", {entry.count} times" if entry.count > 1 else ""
    return f"{head} [{entry.rule}]: {_outcome(entry)}{times}"


def _repeated(act: Entry) -> str:
    """Acts have one rule and hardly ever fail: only what stands out is told."""
    failed = "" if act.state == "succeeded" else f": {act.state}"
    if act.count == 1 or act.ended_at_s is None:
        return failed
    return f"{failed}, {act.count} times, last {when(act.ended_at_s)}"


def _outcome(entry: Entry) -> str:
    if entry.state == "planned" or entry.ended_at_s is None:
        return "under way" if entry.state == "planned" else entry.state
    return f"{entry.state} in {duration(entry.ended_at_s - entry.planned_at_s)}"


def last_words(entry: Entry) -> str:
    """What the world answered, where it did not go well."""
    return "" if entry.state == "succeeded" else entry.result


def labelled(label: str, text: str, more: str = "") -> Iterator[str]:
    gap = " " * max(2, _LABEL_CHARS - len(label))
    yield f"    {label}{gap}{text}"
    for line in printable_lines(more):
        yield f"    {'':<{_LABEL_CHARS}}{line}"


def value(path: str, leaf: object) -> str:
    if path.endswith(("_at_s", "since_s", ".until_s")) and isinstance(leaf, float):
        return when(leaf)
    return told(leaf)


def duration(seconds: float) -> str:
    """`12 ms`, `3.4 s`, `2 min 5 s`"""
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def ago(seconds: float) -> str:
    """`just now`, `12 s ago`, `3 d ago`"""
    for unit, length_s in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length_s:
            return f"{int(seconds // length_s)} {unit} ago"
    return f"{int(seconds)} s ago" if seconds >= 2 else "just now"
