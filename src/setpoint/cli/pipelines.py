"""`setpoint pipelines`: apps of one code at several stages, and what is done to such a line."""

import argparse
from typing import Any

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_why
from setpoint.model.errors import Refused
from setpoint.model.pipeline import STAGES

EXAMPLE = "setpoint pipelines shop --create --add shop-staging --stage staging"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="PIPELINE", nargs="?", default="", help="one; else all")
    parser.add_argument("--create", action="store_true", help="one of that name")
    parser.add_argument("--add", metavar="APP", default="", help="an app, or move it to a stage")
    parser.add_argument("--stage", choices=STAGES, default="", help="at which the app is")
    parser.add_argument("--remove", metavar="APP", default="", help="an app; it goes on")
    parser.add_argument("--rename", metavar="NAME", default="", help="call it otherwise")
    parser.add_argument("--destroy", action="store_true", help="end it; its apps go on")
    add_why(parser)


def run(here: Here) -> int:
    args = here.args
    if args.create and args.name:
        here.client.call("POST", "/pipelines", {"name": args.name}, args.why)
    if not args.name:
        return _all(here)
    pipeline = _named(here, args.name)
    if args.remove:
        _remove(here, pipeline, args.remove)
    if args.add:
        _add(here, pipeline, args.add)
    where = path("pipelines", pipeline["id"])
    if args.rename:
        pipeline = here.client.call("PATCH", where, {"name": args.rename}, args.why)
    if args.destroy:
        here.client.call("DELETE", where, None, args.why)
        here.out.line(f"{pipeline['name']} is no pipeline any more; its apps go on")
        here.out.result(pipeline)
        return codes.SETTLED
    told = _told(here, pipeline)
    _show(here, told)
    here.out.result(told)
    return codes.SETTLED


def _all(here: Here) -> int:
    args = here.args
    if args.create or args.add or args.remove or args.rename or args.destroy:
        raise Refused("cannot tell which pipeline: none was named", f"example: {EXAMPLE}")
    told = [_told(here, pipeline) for pipeline in here.client.get("/pipelines")]
    if not told:
        here.out.line("no pipelines yet; the first comes with: setpoint pipelines NAME --create")
    for one in told:
        _show(here, one)
    here.out.result(told)
    return codes.SETTLED


def _named(here: Here, name: str) -> dict[str, Any]:
    return here.client.get(path("pipelines", name))


def _add(here: Here, pipeline: dict[str, Any], app: str) -> None:
    """One that is in it already is moved."""
    args = here.args
    if not args.stage:
        raise Refused(
            f"cannot add '{app[:40]}' to '{pipeline['name']}': no stage was said",
            f"say --stage and one of: {', '.join(STAGES)}",
        )
    coupled = next((c for c in _couplings(here, pipeline) if c["app"]["name"] == app), None)
    if coupled is not None:
        wish: dict[str, str] = {"stage": args.stage}
        here.client.call("PATCH", path("pipeline-couplings", coupled["id"]), wish, args.why)
    else:
        wish = {"app": app, "pipeline": pipeline["id"], "stage": args.stage}
        here.client.call("POST", "/pipeline-couplings", wish, args.why)


def _remove(here: Here, pipeline: dict[str, Any], app: str) -> None:
    coupled = next((c for c in _couplings(here, pipeline) if c["app"]["name"] == app), None)
    if coupled is None:
        raise Refused(f"cannot remove '{app[:40]}': it is not in '{pipeline['name']}'")
    where = path("pipeline-couplings", coupled["id"])
    here.client.call("DELETE", where, None, here.args.why)


def _couplings(here: Here, pipeline: dict[str, Any]) -> list[dict[str, Any]]:
    return here.client.get(path("pipelines", pipeline["id"], "pipeline-couplings"))


def _told(here: Here, pipeline: dict[str, Any]) -> dict[str, Any]:
    apps = [{"app": c["app"]["name"], "stage": c["stage"]} for c in _couplings(here, pipeline)]
    ordered = sorted(apps, key=lambda one: (STAGES.index(one["stage"]), one["app"]))
    return {"id": pipeline["id"], "name": pipeline["name"], "apps": ordered}


def _show(here: Here, told: dict[str, Any]) -> None:
    here.out.line(told["name"], "bold")
    here.out.table(("", one["stage"], one["app"]) for one in told["apps"])
    if not told["apps"]:
        here.out.line("  no apps yet", "dim")
