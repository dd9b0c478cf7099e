"""`setpoint create`: an app with nothing in it yet."""

import argparse

from setpoint.cli import codes
from setpoint.cli.command import Here, add_why

EXAMPLE = "setpoint create shop"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", nargs="?", help="a name is made up without one")
    add_why(parser)


def run(here: Here) -> int:
    body = {"name": here.args.name} if here.args.name else {}
    app = here.client.call("POST", "/apps", body, here.args.why)
    here.out.line(f"created {app['name']}")
    here.out.line(f"deploy to it with: setpoint deploy -a {app['name']}")
    here.out.result(app)
    return codes.SETTLED
