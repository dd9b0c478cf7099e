"""Waiting until what was asked for is so, saying each new thing that is waited on once."""

import time
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from setpoint.cli import codes
from setpoint.cli.asked import asked
from setpoint.cli.client import Unreachable, path
from setpoint.cli.command import Here
from setpoint.cli.feed import Feed
from setpoint.cli.progress import Progress

if TYPE_CHECKING:
    from setpoint.cli.command import Adds

LOOK_AGAIN_S = 0.2
"""while the daemon is away"""
TICK_S = 0.2
"""how often what is on the screen moves on"""
TIMEOUT_S = 300.0
AWAY_S_MAX = 10.0
LAST_LINES = 20

Verdict = Literal["settled", "unmet", "stalled", "converging", "accepted", "overtaken"]
CODES: dict[Verdict, int] = {
    "settled": codes.SETTLED,
    "accepted": codes.SETTLED,
    "unmet": codes.NOT_AS_ASKED,
    "stalled": codes.NOT_AS_ASKED,
    "overtaken": codes.NOT_AS_ASKED,
    "converging": codes.NOT_IN_TIME,
}


class Outcome(NamedTuple):
    """`detail`: the API's last answer about the app. `told`: sentences, of being overtaken."""

    verdict: Verdict
    detail: dict[str, Any]
    told: tuple[str, ...] = ()

    @property
    def code(self) -> int:
        return CODES[self.verdict]


def add_waiting(parser: "Adds") -> None:
    parser.add_argument("--no-wait", action="store_true", help="return once it is accepted")
    parser.add_argument(
        "--timeout", type=float, metavar="S", default=TIMEOUT_S, help="wait at most so long (300)"
    )


def verdict(app: dict[str, Any]) -> Verdict:
    """Of one answer of the API: what a look at it says."""
    match app["state"]:
        case "stalled":
            return "stalled"
        case "settled":
            return "settled" if all(u["warned"] for u in app["unmet"]) else "unmet"
        case _:
            return "converging"


OF_A_RELEASE = frozenset({"BuildFailed", "ReleaseFailed", "SlugGone", "StackGone"})
"""Reasons to be stalled that say nothing about what runs."""


def apart_from_deploys(app: dict[str, Any]) -> Verdict:
    """For what is not a deploy: that an earlier one failed ends no waiting for a scale since."""
    found = verdict(app)
    reason = next((c["reason"] for c in app["conditions"] if c["type"] == "Stalled"), "")
    goes_on = found == "stalled" and reason in OF_A_RELEASE and app["waiting"]
    return "converging" if goes_on else found


def settled(here: Here, app: str, verb: str) -> int:
    """The end of every command that changed something. `verb`: of the Change it made, by which it
    is known how long such a one takes."""
    with goes_on(app):
        outcome = follow(here, app, Progress(here.out, verb), judge=apart_from_deploys)
    tell(here, app, outcome)
    here.out.result({"outcome": outcome.verdict, **outcome.detail})
    return outcome.code


@contextmanager
def goes_on(app: str) -> Generator[None]:
    """Ctrl-C ends our waiting and nothing else; `main` prints what it is told."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"no longer waiting; it goes on: setpoint status {app}") from None


Judge = Callable[[dict[str, Any]], Verdict]


def follow(
    here: Here,
    app: str,
    progress: Progress,
    heard: Collection[str] = (),
    seen: Callable[[dict[str, Any]], None] = lambda _: None,
    judge: Judge = verdict,
) -> Outcome:
    """Look whenever something happens, until it is settled, stalled, unmet, or the time is up.

    `seen` gets every answer that is not the last, again and again until there is a newer one;
    `judge` says whether one is.
    """
    try:
        with Feed(here.client) as feed:
            outcome = _followed(here, app, progress, heard, seen, judge, feed)
    finally:
        here.out.redraw("")
    return _as_asked(here, app, outcome) if outcome.verdict in ("settled", "unmet") else outcome


def _as_asked(here: Here, app: str, outcome: Outcome) -> Outcome:
    """The app is as it should be, which somebody else may have said since; and what cannot be had
    may be what somebody else asked for before."""
    mine = asked(here.client, app)
    if mine is None:
        return outcome
    overtaken = mine.overtaken()
    if overtaken:
        return outcome._replace(verdict="overtaken", told=overtaken)
    short = [u for u in outcome.detail["unmet"] if not u["warned"]]
    if outcome.verdict == "settled" or any(map(mine.concerned, short)):
        return outcome
    for unmet in short:
        here.out.line(f"  as before, {unmet_text(unmet)}", "dim")
    return outcome._replace(verdict="settled")


def _followed(
    here: Here,
    app: str,
    progress: Progress,
    heard: Collection[str],
    seen: Callable[[dict[str, Any]], None],
    judge: Judge,
    feed: Feed,
) -> Outcome:
    """`heard`: what is waited on that needs no telling."""
    deadline_s = time.monotonic() + here.args.timeout
    said: set[str] = set()
    while True:
        detail = look(here, app)
        if here.args.no_wait:
            return Outcome("accepted", detail)
        now = judge(detail)
        if now != "converging" or time.monotonic() >= deadline_s:
            return Outcome(now, detail)
        _say(here, [w for w in detail["waiting"] if w["on"] not in heard], said)
        feed.since(detail["cursor"], detail["id"])
        news = False
        while not news and time.monotonic() < deadline_s:
            seen(detail)
            progress.look(detail)
            news = feed.wait(TICK_S)


def look(here: Here, app: str) -> dict[str, Any]:
    return patient(here, path("v1", "apps", app))


def patient(here: Here, where: str) -> Any:
    """The daemon may be replaced while we wait; what it was asked for goes on without us."""
    give_up_s = time.monotonic() + AWAY_S_MAX
    while True:
        try:
            return here.client.get(where)
        except Unreachable:
            if time.monotonic() >= give_up_s:
                raise
            time.sleep(LOOK_AGAIN_S)


def tell(here: Here, app: str, outcome: Outcome) -> None:
    shown = outcome.detail
    match outcome.verdict:
        case "settled":
            here.out.line("settled", "green")
        case "accepted":
            here.out.line(f"accepted; see: setpoint status {app}")
        case "stalled":
            here.out.complain(f"{app} is stalled: {shown['message']}")
        case "overtaken":
            for line in outcome.told:
                here.out.complain(line)
        case "unmet":
            for unmet in shown["unmet"]:
                here.out.complain(unmet_text(unmet))
            here.out.complain(f"all else is as asked; what can be done: setpoint gaps {app}")
        case "converging":
            here.out.complain(f"{app} has not settled in {here.args.timeout:g} s")
            _say(here, shown["waiting"], set())


def complain(
    here: Here, head: str, message: str, outcome: Outcome, *, started: bool = True
) -> None:
    """A release that was asked for and does not run: why, what serves instead, how to go on."""
    here.out.complain(head)
    lines = message.splitlines() or [""]
    if len(lines) > LAST_LINES:  # what happened and what to do stand first, a tool's words last
        lines = [*lines[:2], "...", *lines[3 - LAST_LINES :]]
    for line in lines:
        here.out.complain(f"  {line}")
    app, releases = outcome.detail["name"], outcome.detail["releases"]
    serving = next((r["label"] for r in releases if r["current"]), None)
    here.out.complain(f"{serving} still serves" if serving else "nothing serves yet")
    if started:
        here.out.complain(f"all that it wrote: setpoint logs {app}")
    if " GET /" in lines[0]:
        here.out.complain(f"to ask otherwise: setpoint probe {app} --help")


def unmet_text(unmet: dict[str, Any]) -> str:
    return (
        f"unmet: {unmet['path']}: wanted {unmet['wanted']}, offered {unmet['offered']}: "
        f"{unmet['because']}"
    )


def _say(here: Here, waiting: list[dict[str, Any]], said: set[str]) -> None:
    for wait in waiting:
        if wait["because"] not in said:
            said.add(wait["because"])
            here.out.line(f"  {wait['because']}", "dim")
