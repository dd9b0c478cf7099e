"""`setpoint rollback`: what an earlier release ran, with the config it had, as a new release."""

import argparse
from typing import Any

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app_option, add_why, app_and_version
from setpoint.cli.progress import Progress
from setpoint.cli.settle import Outcome, add_waiting, complain, follow, goes_on, tell

EXAMPLE = 'setpoint rollback shop v3 -m "the new checkout loses orders"'


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words", metavar="APP [VERSION]", nargs="*", help="without one: what served before"
    )
    add_app_option(parser)
    add_why(parser)
    add_waiting(parser)


def run(here: Here) -> int:
    """The release is known from the answer on, so what serves in the end can be told by number."""
    app, version = app_and_version(here, "roll back")
    asked = {"release": version} if version else {}
    release = here.client.call("POST", path("apps", app, "releases"), asked, here.args.why)
    here.out.line(f"{app}: {release['description']}, as v{release['version']}")
    progress = Progress(here.out, "roll back")
    with goes_on(app):
        outcome = follow(here, app, progress)
    code = _told(here, app, release, outcome)
    told = {"app": app, "outcome": outcome.verdict, "release": release, "detail": outcome.detail}
    here.out.result(told)
    return code


def _told(here: Here, app: str, release: dict[str, Any], outcome: Outcome) -> int:
    if outcome.verdict == "stalled":
        head = f"cannot roll back {app}: v{release['version']} does not run"
        complain(here, head, outcome.detail["message"], outcome)
        return codes.NOT_AS_ASKED
    newest = outcome.detail["releases"][0]
    if outcome.verdict == "settled" and newest["version"] == release["version"]:
        again = release["description"].removeprefix("Rollback to ")
        here.out.line(f"{newest['label']} serves ({again} again)", "green")
        return outcome.code
    tell(here, app, outcome)
    return outcome.code
