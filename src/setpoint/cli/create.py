"""`setpoint create`: an app with nothing in it yet."""

import argparse

from setpoint.cli import codes
from setpoint.cli.command import Here, add_why

EXAMPLE = "setpoint create shop"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", nargs="?", help="a name is made up without one")
    parser.add_argument("--region", metavar="NAME", help="where it is to run")
    add_why(parser)


def run(here: Here) -> int:
    said = {"name": here.args.name, "region": here.args.region}
    body = {name: value for name, value in said.items() if value}
    app = here.client.call("POST", "/apps", body, here.args.why)
    here.out.line(f"created {app['name']}")
    if here.args.region and (ran := app["region"]["name"]) != here.args.region:
        here.out.line(f"it runs in {ran}; see: setpoint gaps {app['name']}", "yellow")
    here.out.line(f"deploy to it with: setpoint deploy -a {app['name']}")
    here.out.result(app)
    return codes.SETTLED
