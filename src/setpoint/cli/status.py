"""`setpoint status`: is everything as intended, and if not, what is waited on?"""

import argparse
from typing import Any

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app
from setpoint.cli.output import ago
from setpoint.cli.settle import unmet_text, verdict

EXAMPLE = "setpoint status shop --watch"
COLOURS = {"settled": "green", "stalled": "red"}
CLEAR = "\x1b[2J\x1b[H"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser, required=False)
    parser.add_argument("--watch", action="store_true", help="show again whenever it changes")


def run(here: Here) -> int:
    """0: all settled. 3: something is stalled or unmet. 4: something is still converging."""
    code = _shown(here)
    if here.args.watch:
        for line in here.client.lines("/v1/watch?since=0"):
            if line.startswith(b"event: ") and line != b"event: bookmark":
                code = _shown(here)
    return code


def _shown(here: Here) -> int:
    if here.args.watch and here.out.colours:
        here.out.stream.write(CLEAR)
    app = here.app_or_none
    if app is None:
        return _all(here, here.client.get("/v1/status"))
    return _one(here, here.client.get(path("v1", "apps", app)))


def _all(here: Here, status: dict[str, Any]) -> int:
    level = status["capabilities"]["level"]
    here.out.line(
        f"Setpoint {status['version']}, isolation level {level}, "
        f"apps at http://<app>.localhost:{status['edge_port']}"
    )
    apps = status["apps"]
    if not apps:
        here.out.line("no apps yet; make one with: setpoint deploy DIR")
    here.out.table(
        (a["name"], f"v{a['release']}" if a["release"] else "-", a["state"], a["message"])
        for a in apps
    )
    here.out.result(status)
    return _worst([a["state"] for a in apps])


def _worst(states: list[str]) -> int:
    if "stalled" in states:
        return codes.NOT_AS_ASKED
    return codes.SETTLED if set(states) <= {"settled"} else codes.NOT_IN_TIME


def _one(here: Here, detail: dict[str, Any]) -> int:
    now = verdict(detail)
    here.out.line(f"{detail['name']}  {detail['state']}", COLOURS.get(detail["state"], "yellow"))
    if detail["message"]:
        here.out.line(f"  {detail['message']}")
    for unmet in detail["unmet"]:
        here.out.line(f"  {unmet_text(unmet)}", "yellow")
    for wait in detail["waiting"]:
        here.out.line(f"  waiting: {wait['because']}")
    dynos(here, detail)
    here.out.result(detail)
    return {"settled": codes.SETTLED, "converging": codes.NOT_IN_TIME}.get(now, codes.NOT_AS_ASKED)


def dynos(here: Here, detail: dict[str, Any]) -> None:
    """One line per instance, and one per process type that has none."""
    here.out.table(
        (
            (d["name"], d["state"], f"v{d['release']}", ago(detail["at_s"] - d["started_at_s"]))
            for d in detail["dynos"]
        ),
        "  ",
    )
    running = {d["process"] for d in detail["dynos"]}
    for process, bounds in detail["formation"].items():
        if process not in running:
            here.out.line(f"  {process}: none running, {bounds} intended")
