"""Does a why answer anything? Text is never judged beyond what can be counted."""

from collections.abc import Sequence

from setpoint.model.answer import Freshness
from setpoint.model.change import Asked, Note, Touch
from setpoint.model.story import Reason

STALE_DAYS, STALE_RELEASES = 90, 20
"""A reason that has seen so much change may have been overtaken by it."""
DAY_S = 86_400.0
WORDS_MIN = 3
LETTERS_MIN = 6
"""Of a script that puts no spaces between words."""
EMPTY_VERBS = ("fix", "fixes", "fixed", "update", "updates", "updated", "change", "changes", "wip")
EMPTY_NOUNS = ("changed", "misc", "minor", "stuff", "test", "tmp", "todo", "asdf", "foo", "bar")
EMPTY_WORDS = frozenset((*EMPTY_VERBS, *EMPTY_NOUNS, "a", "an", "the", "some", "more", "again"))


TYPED = ("flag", "header")
"""Sources of a why that somebody wrote for this very Change."""


def reason(asked: Asked, notes: Sequence[Note] = (), touch: Touch | None = None) -> Reason:
    """What was said with the Change; what stands beside the value in a file goes before what was
    only picked up. If none of it answers anything, the newest note that does."""
    said, beside = _of(asked), _beside(asked, touch)
    found = (said, beside) if asked.why_source in TYPED else (beside, said)
    for each in found:
        if each is not None and each.kind == "said":
            return each
    for note in reversed(notes):
        later = _of(note.asked)
        if later.kind == "said":
            return Reason("said", later.text, "note", by=later.by, at_s=later.at_s)
    return beside if beside is not None and said.kind == "none" else said


def _beside(asked: Asked, touch: Touch | None) -> Reason | None:
    if touch is None or not touch.why:
        return None
    who = asked.actor.email or asked.actor.name
    kind = "thin" if thin(touch.why) else "said"
    return Reason(kind, touch.why, "file", 0, who, asked.at_s)


def stale(said: Reason, fresh: Freshness) -> str:
    """Why this reason should be looked at before anybody relies on it; '' if it need not be."""
    if said.kind == "none":
        return "nobody said why"
    if said.kind == "reused":
        return f"its reason was said of c{said.reused_from}"
    if said.kind == "thin":
        return "its reason says too little"
    days = fresh.age_s / DAY_S
    if days >= STALE_DAYS:
        return f"{int(days)} days old"
    if fresh.more or fresh.releases_since >= STALE_RELEASES:
        more = " and more" if fresh.more else ""
        return f"{fresh.releases_since}{more} releases since"
    return ""


def thin(why: str) -> bool:
    """Too little to tell anything: a word or two, or nothing but words that fit everything."""
    words = [word.strip(".,:;!?#()[]").lower() for word in why.split()]
    if all(word in EMPTY_WORDS for word in words):
        return True
    return len(words) < WORDS_MIN and (why.isascii() or len(why) < LETTERS_MIN)


def _of(asked: Asked) -> Reason:
    who = asked.actor.email or asked.actor.name
    if not asked.why:
        return Reason("none", by=who, at_s=asked.at_s)
    kind = "reused" if asked.reused_from else "thin" if thin(asked.why) else "said"
    return Reason(kind, asked.why, asked.why_source, asked.reused_from, who, asked.at_s)
