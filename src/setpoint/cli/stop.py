"""`setpoint stop`: end a job; an instance (web.1) is replaced by a fresh one, with all its type."""

import argparse

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app, add_why
from setpoint.model.errors import Refused

EXAMPLE = "setpoint stop shop run.4821"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser)
    parser.add_argument("dyno", metavar="DYNO", nargs="?", help="run.4821, or web.1")
    add_why(parser)


def run(here: Here) -> int:
    if here.args.dyno is None and here.args.app_option is not None:
        here.args.app, here.args.dyno = None, here.args.app  # `stop -a APP DYNO`
    if not here.args.dyno:
        raise Refused("cannot stop: no dyno was named", f"example: {EXAMPLE}")
    where = path("apps", here.app, "dynos", here.args.dyno, "actions", "stop")
    here.client.call("POST", where, {}, here.args.why)
    here.out.line(f"stopping {here.args.dyno} of {here.app}")
    here.out.result({"app": here.app, "dyno": here.args.dyno})
    return codes.SETTLED
