"""A digest in sentences. Pure; one line where there is nothing to say."""

from collections.abc import Iterator, Sequence

from setpoint.model.answer import Logged
from setpoint.model.digest import Digest, Introduced, Need, ReadUpTo
from setpoint.model.story import Outcome
from setpoint.model.text import printable, printable_lines, when
from setpoint.planning.decisions import DAY_S, in_brief
from setpoint.planning.explain import ago, duration

CHANGES_TOLD_MAX = 10
"""of one decision; the rest is counted"""
WHY_CHARS_MAX = 60


EVERY_S = DAY_S
RETRY_S, RETRY_S_MAX = 60.0, 3600.0


def due(read: ReadUpTo | None, now_s: float) -> bool:
    """May one be sent? A day after the last one that was taken, whoever it was that restarted."""
    return read is None or not 0.0 <= now_s - read.at_s < EVERY_S


def again_s(failures: int) -> float:
    """How long to wait after so many in a row that were not taken."""
    return min(RETRY_S_MAX, RETRY_S * 2 ** min(failures - 1, 10))


def lines(told: Digest, now_s: float) -> tuple[str, ...]:
    return tuple(_lines(told, now_s))


def introduction(found: Sequence[Introduced], now_s: float) -> tuple[str, ...]:
    """For somebody new: a line for each decision, the one nobody has looked at longest first."""
    if not found:
        return ("no value rests on a decision yet; see: setpoint bets --all",)
    return tuple(
        f"{one.decision.label}  {in_brief(one.decision, now_s)}; "
        f"{one.fields} {'value rests' if one.fields == 1 else 'values rest'} on it"
        for one in found
    )


def surprise(came: Outcome) -> str:
    """What of a Change's outcome nobody had expected; '' where it went as foretold."""
    if came.state in ("failed", "stalled"):
        return f"{came.state}: {printable(came.told.partition(chr(10))[0])}"
    usual = came.predicted
    if came.took_s is not None and usual is not None and came.took_s > usual.p90_s:
        return f"live after {duration(came.took_s)}, p90 was {duration(usual.p90_s)}"
    return ""


def _lines(told: Digest, now_s: float) -> Iterator[str]:
    since = f"since {when(told.since_s)}" if told.since_s is not None else "in the last 7 days"
    if told.empty:
        yield f"nothing {since}"
        return
    yield f"{since}, on what is yours: {', '.join(told.apps) or 'decisions alone'}"
    for name in map(printable, told.unread):
        yield f"cannot read what is intended of {name}: setpoint status {name}"
    if told.needs:
        yield "needs you"
        for need in told.needs:
            yield f"    {need.decision.label}  {_need(need, now_s)}"
    if told.changed:
        yield "changed"
    for group in told.changed:
        decision = group.decision
        yield (
            f"    {decision.label} {printable(decision.title)}" if decision else "    no decision"
        )
        for change in group.changes[:CHANGES_TOLD_MAX]:
            yield f"      {_changed(change, now_s)}"
        left = len(group.changes) - CHANGES_TOLD_MAX
        if left > 0:
            yield f"      and {left} more"
    if told.surprises:
        yield "surprises"
    for each in told.surprises:
        label = f"c{each.change} " if each.change else ""
        yield f"    {label}{printable(each.app)}: {printable(each.text)}, {ago(now_s - each.at_s)}"
    if told.more:
        yield "and more Changes than are looked at here: setpoint log -n 500"


def _need(need: Need, now_s: float) -> str:
    decision = need.decision
    if need.because != "asked" or decision.question is None:
        return in_brief(decision, now_s)
    words = printable_lines(decision.question.asked.why) or ["does it still hold?"]
    return f'{printable(decision.title)} — asked: "{words[0]}"; setpoint verify {decision.label}'


def _changed(told: Logged, now_s: float) -> str:
    change, asked = told.change, told.change.asked
    who = printable(asked.on_behalf_of or asked.actor.email or asked.actor.name)
    first = (printable_lines(told.reason.text) or [""])[0]
    why = first if len(first) <= WHY_CHARS_MAX else first[: WHY_CHARS_MAX - 1] + "…"
    thin = f" [{told.reason.kind}]" if told.reason.kind != "said" else ""
    said = f": {why}{thin}" if told.reason.kind != "none" else ", nobody said why"
    return (
        f"c{change.seq} {printable(told.app)}: {printable(change.summary)}, "
        f"{ago(now_s - asked.at_s)} by {who} via {asked.via}{said}"
    )
