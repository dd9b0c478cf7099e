"""`setpoint restart`: every instance is replaced, on the same release."""

import argparse

from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app, add_why
from setpoint.cli.settle import add_waiting, settled

EXAMPLE = "setpoint restart shop"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser)
    add_why(parser)
    add_waiting(parser)


def run(here: Here) -> int:
    here.client.call("DELETE", path("apps", here.app, "dynos"), why=here.args.why)
    here.out.line(f"restarting {here.app}")
    return settled(here, here.app)
