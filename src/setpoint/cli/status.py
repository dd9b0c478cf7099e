"""`setpoint status`: is everything as intended, and if not, what is waited on?"""

from math import inf
from typing import Any, NoReturn

from setpoint.cli import codes
from setpoint.cli.arguments import Arguments
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app
from setpoint.cli.feed import Feed
from setpoint.cli.output import ago, aligned, size
from setpoint.cli.settle import patient, unmet_text, verdict
from setpoint.model.text import when

EXAMPLE = "setpoint status shop --watch"
COLOURS = {"settled": "green", "stalled": "red"}
CLEAR = "\x1b[2J\x1b[H"
LOOKED_UP = frozenset({"Delivering", "Recorded"})
"""Conditions that the one word does not tell of."""
ALWAYS_NEW = frozenset({"at_s", "cursor", "seen_s_ago", "plane", "disk", "watch"})


def arguments(parser: Arguments) -> None:
    add_app(parser, required=False)
    parser.add_argument("--watch", action="store_true", help="show again whenever it changes")


def run(here: Here) -> int:
    """0: all settled. 3: something is stalled or unmet. 4: something is still converging."""
    if not here.args.watch:
        return _shown(here, _look(here))
    told = _look(here)
    with Feed(here.client) as feed:
        return _watch(here, feed, told)


def _watch(here: Here, feed: Feed, told: dict[str, Any]) -> NoReturn:
    """Until somebody has seen enough."""
    app = told["id"] if here.app_or_none is not None else ""
    before = None
    while True:
        if (now := _facts(told)) != before:
            _shown(here, told)
            before = now
        feed.since(told["cursor"], app)
        feed.wait(None)
        told = _look(here)


def _look(here: Here) -> dict[str, Any]:
    app = here.app_or_none
    return patient(here, "/v1/status" if app is None else path("v1", "apps", app))


def _facts(told: dict[str, Any]) -> dict[str, Any]:
    """Without what is another one at every look."""
    return {name: fact for name, fact in told.items() if name not in ALWAYS_NEW}


def _shown(here: Here, told: dict[str, Any]) -> int:
    if here.args.watch and here.out.colours:
        here.out.stream.write(CLEAR)
    return _all(here, told) if here.app_or_none is None else _one(here, told)


def _all(here: Here, status: dict[str, Any]) -> int:
    level = status["capabilities"]["level"]
    here.out.line(
        f"Setpoint {status['version']}, isolation level {level}, "
        f"apps at http://<app>.localhost:{status['edge_port']}"
    )
    apps = status["apps"]
    if not apps:
        here.out.line("no apps yet; make one with: setpoint deploy DIR")
    for sentence in troubles(status):
        here.out.line(sentence, "red")
    if status["disk"]["low"]:
        here.out.line(f"{disk_words(status['disk'])}; see: setpoint gc --dry-run", "yellow")
    if status["bets"]:
        here.out.line(f"{status['bets']}; see: setpoint bets --due", "yellow")
    here.out.table(
        (
            a["name"],
            f"v{a['release']}" if a["release"] else "-",
            state_text(a, status["at_s"]),
            a["message"],
        )
        for a in apps
    )
    here.out.result(status)
    return _worst([a["state"] for a in apps])


def troubles(told: dict[str, Any]) -> list[str]:
    """'StoreFull since 2026-09-21 14:13:20 UTC: the store takes no writes: …', of the
    installation."""
    return [
        f"{c['reason']} since {when(c['since_s'])}: {c['message']}"
        for c in told["conditions"]
        if not c["status"]
    ]


def disk_words(disk: dict[str, Any]) -> str:
    """'the disk is 93 % full, 812.0 MB are free'"""
    free = size(disk["headroom"]["bytes_free"])
    return f"the disk is {disk['percent_full']} % full, {free} are free"


def _worst(states: list[str]) -> int:
    if "stalled" in states:
        return codes.NOT_AS_ASKED
    return codes.SETTLED if set(states) <= {"settled"} else codes.NOT_IN_TIME


def _one(here: Here, detail: dict[str, Any]) -> int:
    now = verdict(detail)
    head = (detail["name"], *([detail["release"]["label"]] if detail["release"] else []))
    here.out.line(
        "  ".join((*head, state_text(detail, detail["at_s"]))),
        COLOURS.get(detail["state"], "yellow"),
    )
    if detail["message"] and detail["message"] not in {w["because"] for w in detail["waiting"]}:
        here.out.line(f"  {detail['message']}")
    if detail["upkeep"]:
        here.out.line(f"  {upkeep_text(detail['upkeep'], detail['at_s'])}", "yellow")
    for unmet in detail["unmet"]:
        here.out.line(f"  {unmet_text(unmet)}", "yellow")
    for wait in detail["waiting"]:
        here.out.line(f"  waiting: {wait['because']}")
    for condition in detail["conditions"]:
        if condition["type"] in LOOKED_UP and not condition["status"]:
            here.out.line(f"  {condition['message']}", "yellow")
    if not detail["releases"] and now == "settled":
        here.out.line(f"  nothing deployed yet; next: setpoint deploy DIR -a {detail['name']}")
    for line in dyno_lines(detail):
        here.out.line(f"  {line}")
    for drifted in detail["drift"]:
        here.out.line(f"  drift: {drift_text(drifted, detail['at_s'])}", "yellow")
    here.out.result(detail)
    return {"settled": codes.SETTLED, "converging": codes.NOT_IN_TIME}.get(now, codes.NOT_AS_ASKED)


def state_text(app: dict[str, Any], now_s: float) -> str:
    """Maintenance and a freeze are what was asked for, so it may well be settled; but nobody gets
    in, or nothing is done."""
    words = [str(app["state"])]
    if app["maintenance"]:
        words.append("in maintenance")
    if app["upkeep"] and (app["upkeep"]["until_s"] or inf) > now_s:
        words.append({"freeze": "frozen"}.get(app["upkeep"]["mode"], "drift only reported"))
    return ", ".join(words)


def upkeep_text(upkeep: dict[str, Any], now_s: float) -> str:
    """'frozen by ana 5 min ago until 2026-09-21 14:13:20 UTC (c7): we look for a leak'"""
    what = "frozen" if upkeep["mode"] == "freeze" else "drift is only reported, said"
    until = f" until {when(upkeep['until_s'])}" if upkeep["until_s"] is not None else ""
    since = ago(now_s - upkeep["since_s"])
    why = f": {upkeep['why']}" if upkeep["why"] else ""
    return f"{what} by {upkeep['by']} {since}{until} (c{upkeep['change']}){why}"


def drift_text(drifted: dict[str, Any], now_s: float) -> str:
    """'web.1 was killed by an outsider (signal 9), noticed 3 min ago, repaired 0.2 s later'"""
    end = "over by now" if drifted["over"] else "still so"
    if drifted["repaired_s"] is not None:
        end = f"repaired {drifted['repaired_s']:.1f} s later"
    times = f" ({drifted['count']} times)" if drifted["count"] > 1 else ""
    return f"{drifted['what']}, noticed {ago(now_s - drifted['at_s'])}, {end}{times}"


def dyno_lines(detail: dict[str, Any]) -> list[str]:
    """One per instance, and one per process type that has none."""
    rows = [
        (d["name"], d["state"], f"v{d['release']}", ago(detail["at_s"] - d["started_at_s"]))
        for d in detail["dynos"]
    ]
    running = {d["process"] for d in detail["dynos"]}
    idle = [
        f"{process}: none running, {_wanted(bounds)}"
        for process, bounds in detail["formation"].items()
        if process not in running
    ]
    return [*aligned(rows), *idle]


def _wanted(bounds: str) -> str:
    return f"{bounds} on demand" if bounds.startswith("0..") else f"{bounds} intended"
