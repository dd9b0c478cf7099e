"""`setpoint maintenance`: visitors get a page that says so; everything else goes on."""

import argparse

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app, add_why
from setpoint.cli.settle import add_waiting, settled
from setpoint.model.errors import Refused

EXAMPLE = 'setpoint maintenance shop on -m "moving the database"'
SAID = {"on": True, "off": False}


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser)
    parser.add_argument("switch", metavar="on|off", nargs="?", help="without it: which it is")
    add_why(parser)
    add_waiting(parser)


def run(here: Here) -> int:
    """`-a shop on` has the switch where the app would stand."""
    args = here.args
    if args.switch is None and args.app in SAID and (args.app_option or "SETPOINT_APP" in here.env):
        args.app, args.switch = None, args.app
    app, switch = here.app, args.switch
    if switch is None:
        return _show(here, app)
    if switch not in SAID:
        raise Refused(
            f"cannot switch maintenance of '{app}': {switch[:40]!r} is neither on nor off",
            f"example: {EXAMPLE}",
        )
    here.client.call("PATCH", path("apps", app), {"maintenance": SAID[switch]}, args.why)
    here.out.line(f"{app}: maintenance {switch}")
    return settled(here, app, "switch maintenance of")


def _show(here: Here, app: str) -> int:
    told = here.client.get(path("apps", app))
    here.out.line("on" if told["maintenance"] else "off")
    here.out.result({"app": told["name"], "maintenance": told["maintenance"]})
    return codes.SETTLED
