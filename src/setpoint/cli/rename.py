"""`setpoint rename`: another name, and so other hosts; nothing that runs is replaced."""

import argparse

from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app, add_why
from setpoint.cli.settle import add_waiting, settled
from setpoint.model.errors import Refused

EXAMPLE = "setpoint rename shop store"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser)
    parser.add_argument("new", metavar="NEW", nargs="?", help="what to call it")
    add_why(parser)
    add_waiting(parser)


def run(here: Here) -> int:
    """`-a shop store` has the new name where the app would stand."""
    args = here.args
    if args.new is None and args.app and (args.app_option or "SETPOINT_APP" in here.env):
        args.app, args.new = None, args.app
    app, new = here.app, args.new
    if new is None:
        raise Refused(f"cannot rename '{app}': no new name was given", f"example: {EXAMPLE}")
    renamed = here.client.call("PATCH", path("apps", app), {"name": new}, args.why)
    here.out.line(f"{app} is called {renamed['name']} now")
    here.out.line(f"  {renamed['web_url'].rstrip('/')}")
    return settled(here, renamed["name"], "rename")
