"""What may be decided, and said of a decision: bounds, dates, people, and what it governs."""

import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches

from setpoint.model.app import NAME_RE, AppIntent, Formation
from setpoint.model.decision import EVERY_APP, Bet, Decision, RecordKind, numbered
from setpoint.model.errors import Conflict, Invalid, NotFound, OverLimit
from setpoint.model.paths import flatten, meant
from setpoint.policy import signals, times
from setpoint.policy.names import shortened

SCOPES_MAX = 20
TEXT_CHARS_MAX = 500
"""A claim, what would prove it wrong, and what to do then: a line each."""
REVISIT_RE = re.compile(r"\d{1,4}d|\d{4}-\d{2}-\d{2}(?:[T ].*)?")
PATH_RE = re.compile(r"[A-Za-z0-9_.*-]{1,120}")
ENDINGS: dict[str, RecordKind] = {"held": "held", "lost": "lost", "extend": "extended"}


def revisit(said: str, now_s: float, failing: str) -> float | None:
    """Unix seconds of '30d' or an ISO date; None for ''. Raises Invalid."""
    if not said:
        return None
    if REVISIT_RE.fullmatch(said) is None:
        raise Invalid(
            f"{failing}: '{shortened(said)}' is no day to revisit it",
            "give a number of days (30d) or a date (2026-12-05)",
        )
    return times.coming(said, now_s, failing)


def bet(claim: str, wrong_if: str, if_wrong: str, revisit_at_s: float | None) -> Bet | None:
    """None where nothing was bet. Raises Invalid, OverLimit."""
    texts = {"the bet": claim, "wrong-if": wrong_if, "if-wrong": if_wrong}
    for name, text in texts.items():
        if len(text) > TEXT_CHARS_MAX:
            raise OverLimit(
                f"cannot decide: {name} has {len(text)} characters, at most {TEXT_CHARS_MAX} "
                "are allowed"
            )
    if not claim:
        if wrong_if or if_wrong or revisit_at_s is not None:
            raise Invalid(
                "cannot decide: there is no bet that could be wrong, or revisited",
                "say what it rests on with --bet",
            )
        return None
    return Bet(claim, wrong_if, if_wrong, revisit_at_s, signals.signal(wrong_if))


def selector(said: str) -> tuple[str, str]:
    """('shop', 'web.max') of 'shop:web.max', ('shop', '*') of 'shop'. Raises Invalid."""
    app, colon, path = said.removeprefix("app/").partition(":")
    named = app == EVERY_APP or NAME_RE.fullmatch(app) is not None
    if not named or (colon and PATH_RE.fullmatch(path) is None):
        raise Invalid(
            f"cannot decide on '{shortened(said)}': it is no selector",
            "name an app (shop), a value of it (shop:web.max), or all of a kind (shop:config.*)",
        )
    return app, path or "*"


def path_meant(app: str, intent: AppIntent, path: str, processes: Collection[str]) -> str:
    """The whole path that is meant in an app; one that is not set may be governed too, if it could
    be. `processes`: the types it has, scaled by somebody or not. Raises NotFound."""
    if "*" in path:
        return path
    found = meant(flatten(intent), path)
    if len(found) == 1:
        return found[0]
    whole = path.partition(".")[0] in AppIntent.__struct_fields__
    if found:
        return f"{path}.*" if whole else f"*.{path}.*"
    if whole:
        return path
    if path.rpartition(".")[2] in Formation.__struct_fields__:
        return f"formation.{path}"
    if path in processes:
        return f"formation.{path}.*"
    raise NotFound(
        f"cannot decide on '{shortened(app)}:{shortened(path)}': no such value is set",
        f"set are: {', '.join(sorted(flatten(intent)))}",
    )


def check_count(scopes: Sequence[str]) -> None:
    if len(scopes) > SCOPES_MAX:
        raise OverLimit(
            f"cannot decide: it governs {len(scopes)} things, at most {SCOPES_MAX} are allowed",
            "name a whole app, or several values at once: shop:config.*",
        )


def check_people(owner: str, backup: str, known: Collection[str]) -> None:
    """`known`: whoever has changed something here, or was acted for. Raises Invalid."""
    for person in filter(None, (owner, backup)):
        if person not in known:
            near = get_close_matches(person, known, n=1, cutoff=0.5)
            hint = f"did you mean: {near[0]}" if near else f"known are: {', '.join(sorted(known))}"
            raise Invalid(f"cannot decide: nobody here is called '{shortened(person)}'", hint)
    if backup and backup == owner:
        raise Invalid(
            f"cannot decide: '{shortened(backup)}' cannot be their own backup",
            "name somebody who is there while the owner is away",
        )


def label(said: str, failing: str) -> int:
    """Raises NotFound for what is no decision's name."""
    number = numbered(said)
    if number is None:
        raise NotFound(
            f"{failing}: '{shortened(said)}' is no decision",
            "they are called d-1, d-2, …: setpoint bets --all",
        )
    return number


def check_ending(decision: Decision, kind: RecordKind, revisit_at_s: float | None) -> None:
    """May its bet end like this? Raises Invalid, Conflict."""
    failing = f"cannot settle the bet of {decision.label}"
    if decision.decided.bet is None:
        raise Invalid(
            f"{failing}: it rests on none", f"to confirm it: setpoint verify {decision.label}"
        )
    if decision.superseded_by:
        raise Conflict(f"{failing}: d-{decision.superseded_by} has taken its place")
    if decision.bet_state == "held" or (decision.bet_state == "lost" and kind != "extended"):
        raise Conflict(
            f"{failing}: it was {decision.bet_state} already",
            f"see: setpoint why {decision.label}",
        )
    if kind == "extended" and revisit_at_s is None:
        raise Invalid(f"{failing}: it says not until when", "say it with --revisit 30d")
