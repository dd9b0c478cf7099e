"""What became of decisions: records folded, and told in sentences. Pure; nothing is made up."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from setpoint.model.answer import Governing
from setpoint.model.decision import BetState, Decision, Record
from setpoint.model.text import printable, printable_lines, when
from setpoint.planning import signals
from setpoint.planning.explain import ago, duration, labelled

DAY_S = 86_400.0
ENDED: dict[str, BetState] = {"held": "held", "lost": "lost", "extended": "open"}


def fold(records: Iterable[Record]) -> tuple[Decision, ...]:
    """By number. `records`: of whole decisions, in the order in which they were written."""
    by_decision: defaultdict[int, list[Record]] = defaultdict(list)
    for record in records:
        by_decision[record.decision].append(record)
    return tuple(_folded(rows) for _, rows in sorted(by_decision.items()))


def _folded(rows: Sequence[Record]) -> Decision:
    first, *later = rows
    decided = first.decided
    assert decided is not None, "the first record of a decision is the decision"
    bet: BetState = "open" if decided.bet is not None else "none"
    revisit_at_s = decided.bet.revisit_at_s if decided.bet is not None else None
    verified = question = settled = None
    extended = superseded_by = 0
    for row in later:
        if row.kind == "verified":
            verified, question = row, None
        elif row.kind == "questioned":
            question = row
        elif row.kind == "replaced":
            superseded_by = row.by
        else:
            bet, settled = ENDED[row.kind], row
            if row.kind == "extended":
                revisit_at_s, extended = row.revisit_at_s, extended + 1
    return Decision(
        seq=first.decision,
        asked=first.asked,
        decided=decided,
        bet_state=bet,
        revisit_at_s=revisit_at_s,
        verified=verified,
        question=question,
        settled=settled,
        extended=extended,
        superseded_by=superseded_by,
    )


# --- in sentences ------------------------------------------------------------------------------


def listed(decisions: Sequence[Decision], now_s: float) -> tuple[str, ...]:
    """A line each, what needs a look first."""
    first = sorted(decisions, key=lambda d: (not d.needs_a_look(now_s), -(d.seq)))
    label = max((len(d.label) for d in decisions), default=0)
    return tuple(f"{d.label:<{label}}  {in_brief(d, now_s)}" for d in first)


def in_brief(decision: Decision, now_s: float) -> str:
    """`Two, so that one may die — bet "traffic stays above 200 rps" is open, …`"""
    bet = decision.decided.bet
    claim = f'bet "{printable(bet.claim)}" ' if bet is not None else ""
    return f"{printable(decision.title)} — {claim}{state(decision, now_s)}"


def state(decision: Decision, now_s: float) -> str:
    """`open, revisit 2026-12-05 (in 10 d)`, `due since 18 d`, `lost`, `replaced by d-42`"""
    bet = decision.decided.bet
    if decision.superseded_by:
        return f"replaced by d-{decision.superseded_by}"
    overdue_s = decision.overdue_s(now_s)
    if overdue_s is not None:
        return f"is due: revisit was {_date(decision.revisit_at_s)} ({span(overdue_s)} overdue)"
    if decision.looks_lost and bet is not None and bet.signal is not None and decision.measured:
        return f"LOOKS LOST: {signals.told(bet.signal, decision.measured)}"
    match decision.bet_state:
        case "open" if decision.revisit_at_s is not None:
            left = span(decision.revisit_at_s - now_s)
            return f"is open, revisit {_date(decision.revisit_at_s)} (in {left})"
        case "open":
            return "is open, no date to revisit it"
        case "held" | "lost" if decision.settled is not None:
            return f"{decision.bet_state}, said {_signed(decision.settled, now_s)}"
        case _:
            return f"stands, {_checked(decision, now_s)}"


def whole(told: Governing, now_s: float) -> tuple[str, ...]:
    """Lines for `setpoint why d-41`."""
    return tuple(_whole(told, now_s))


def _whole(told: Governing, now_s: float) -> Iterator[str]:
    decision = told.decision
    yield f"{decision.label} {printable(decision.title)}"
    asked = decision.asked
    who = printable(asked.on_behalf_of or asked.actor.email or asked.actor.name)
    yield from labelled("by", f"{who} via {asked.via}, {when(asked.at_s)}")
    _, *more = printable_lines(asked.why)
    if more:
        yield from labelled("why", more[0], "\n".join(more[1:]))
    for link in asked.links:
        yield from labelled("see", printable(link))
    scopes = [printable(scope.text) for scope in decision.decided.governs]
    if scopes:
        yield from labelled("governs", ", ".join(scopes))
    yield from _cares(decision)
    yield from _bet(told, now_s)


def _cares(decision: Decision) -> Iterator[str]:
    decided = decision.decided
    backup = f", backup {printable(decided.backup)}" if decided.backup else ", no backup"
    if decided.owner:
        yield from labelled("owner", printable(decided.owner) + backup)
    if decided.supersedes:
        yield from labelled("instead", f"of d-{decided.supersedes}")


def governing(told: Governing, now_s: float) -> Iterator[str]:
    """Lines of `setpoint why APP FIELD` for one decision that governs it."""
    decision = told.decision
    yield from labelled("decided", f"{decision.label} {printable(decision.title)}")
    yield from _bet(told, now_s)


def _bet(told: Governing, now_s: float) -> Iterator[str]:
    decision, served = told.decision, told.serves
    bet = decision.decided.bet
    if bet is not None:
        wrong = f"; wrong if {printable(bet.wrong_if)}" if bet.wrong_if else ""
        yield from labelled("bet", f'"{printable(bet.claim)}"{wrong}')
    parts = [state(decision, now_s)]
    if bet is not None and bet.if_wrong:
        parts.append(f"if wrong: {printable(bet.if_wrong)}")
    if served is not None:
        parts.append(f'serves {served.label} "{printable(served.title)}"')
    yield from labelled("", " · ".join(parts))
    if decision.settled is not None and decision.settled.asked.why:
        first, *rest = printable_lines(decision.settled.asked.why)
        yield from labelled("said", f"{decision.settled.kind}: {first}", "\n".join(rest))
    if bet is not None and bet.signal is not None and decision.measured is not None:
        yield from labelled("now", signals.told(bet.signal, decision.measured))
    if bet is not None:
        yield from labelled("checked", _checked(decision, now_s))
    if decision.question is not None:
        said = printable_lines(decision.question.asked.why) or ["does it still hold?"]
        yield from labelled("asked", f"{said[0]} [{_signed(decision.question, now_s)}]")


def _checked(decision: Decision, now_s: float) -> str:
    if decision.verified is None:
        return f"nobody has verified it since ({span(now_s - decision.asked.at_s)})"
    how = printable_lines(decision.verified.asked.why)
    told = f": {how[0]}" if how else ""
    return f"verified by {_signed(decision.verified, now_s)}{told}"


def _signed(record: Record, now_s: float) -> str:
    asked = record.asked
    who = printable(asked.on_behalf_of or asked.actor.email or asked.actor.name)
    return f"{who}, {ago(now_s - asked.at_s)}"


def doubt(decisions: Iterable[Decision], now_s: float) -> str:
    """Why what they govern should be looked at; '' where nobody has said so."""
    for decision in decisions:
        if decision.bet_state == "lost":
            return f"the bet of {decision.label} is lost"
        if decision.looks_lost:
            return f"the bet of {decision.label} looks lost"
        if decision.overdue_s(now_s) is not None:
            return f"the bet of {decision.label} is due"
        if decision.question is not None:
            return f"somebody asks whether {decision.label} still holds"
    return ""


def summary(decisions: Iterable[Decision], now_s: float) -> str:
    """`2 bets are due, 1 is lost`; '' where none is."""
    known = tuple(decisions)
    due = sum(d.overdue_s(now_s) is not None for d in known)
    lost = sum(d.bet_state == "lost" and not d.superseded_by for d in known)
    looks = sum(d.looks_lost for d in known)
    found = ((due, "due"), (lost, "lost"), (looks, "looking lost"))
    said = [f"{count} {word}" for count, word in found if count]
    return f"bets: {', '.join(said)}" if said else ""


def span(seconds: float) -> str:
    """`18 d`, `3 h`, `40.0 s`: days once there are two of them."""
    if seconds >= 2 * DAY_S:
        return f"{int(seconds // DAY_S)} d"
    if seconds >= 7200:
        return f"{int(seconds // 3600)} h"
    return duration(max(0.0, seconds))


def _date(at_s: float | None) -> str:
    return when(at_s)[:10] if at_s is not None else "no day"
