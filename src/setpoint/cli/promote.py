"""`setpoint promote`: what an app runs, to the next stage of its pipeline, without a build."""

import argparse
import time
from typing import Any

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app, add_why
from setpoint.cli.settle import add_waiting, goes_on, patient
from setpoint.intents.pipelines import PROMOTE_TO
from setpoint.model.errors import Refused

EXAMPLE = 'setpoint promote shop-staging -m "the new checkout held for a day"'
LOOK_AGAIN_S = 0.1


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser)
    parser.add_argument("--to", metavar="APPS", default="", help="these, with commas between them")
    add_why(parser)
    add_waiting(parser)


def run(here: Here) -> int:
    app, client = here.app, here.client
    coupling = client.get(path("apps", app, "pipeline-couplings"))
    apps = client.get(path("pipelines", coupling["pipeline"]["id"], "pipeline-couplings"))
    names = {one["app"]["id"]: one["app"]["name"] for one in apps}
    wish = {
        "pipeline": {"id": coupling["pipeline"]["id"]},
        "source": {"app": {"id": coupling["app"]["id"]}},
        "targets": [{"app": {"id": one}} for one in here.args.to.split(",") if one],
    }
    if here.args.to and not wish["targets"]:
        raise Refused(f"cannot {PROMOTE_TO} {here.args.to[:40]!r}: no app is named there")
    made = client.call("POST", "/pipeline-promotions", wish, here.args.why)
    with goes_on(app):
        targets = _awaited(here, made["id"])
    told = [_told(here, target, names) for target in targets]
    here.out.result({"app": app, "promotion": made["id"], "targets": told})
    return _code(here, {one["status"] for one in told})


def _awaited(here: Here, id: str) -> list[dict[str, Any]]:
    where = path("pipeline-promotions", id, "promotion-targets")
    deadline_s = time.monotonic() + here.args.timeout
    while True:
        targets: list[dict[str, Any]] = patient(here, where)
        on_its_way = any(target["status"] == "pending" for target in targets)
        if here.args.no_wait or not on_its_way or time.monotonic() >= deadline_s:
            return targets
        time.sleep(LOOK_AGAIN_S)


def _told(here: Here, target: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    name = names.get(target["app"]["id"], target["app"]["id"])
    version = _version(here, target) if target["release"] is not None else None
    told = {"app": name, "status": target["status"], "message": target["error_message"]}
    match target["status"]:
        case "succeeded":
            here.out.line(f"{name}: v{version} serves", "green")
        case "failed":
            here.out.complain(f"cannot {PROMOTE_TO} '{name}': {target['error_message']}")
        case _:
            here.out.line(f"{name}: on its way; see: setpoint status {name}")
    return {**told, "release": version}


def _version(here: Here, target: dict[str, Any]) -> int:
    return patient(here, path("apps", target["app"]["id"], "releases", target["release"]["id"]))[
        "version"
    ]


def _code(here: Here, came: set[str]) -> int:
    if "failed" in came:
        return codes.NOT_AS_ASKED
    return codes.NOT_IN_TIME if "pending" in came and not here.args.no_wait else codes.SETTLED
