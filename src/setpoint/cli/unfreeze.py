"""`setpoint unfreeze`: everything is as intended again, and what was asked meanwhile is done."""

import argparse

from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app, add_why
from setpoint.cli.settle import add_waiting, settled

EXAMPLE = 'setpoint unfreeze shop -m "it was the connection pool"'


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser)
    add_why(parser)
    add_waiting(parser)


def run(here: Here) -> int:
    app = here.app
    wanted = {"mode": "enforce"}
    here.client.call("PUT", path("v1", "apps", app, "upkeep"), wanted, here.args.why)
    here.out.line(f"{app}: kept as intended again")
    return settled(here, app, "unfreeze")
