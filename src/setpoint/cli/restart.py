"""`setpoint restart`: instances are replaced, on the same release; of one type, or all."""

import argparse

from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app, add_why
from setpoint.cli.settle import add_waiting, settled

EXAMPLE = "setpoint restart shop worker"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser)
    parser.add_argument(
        "which", metavar="TYPE|DYNO", nargs="?", help="one type (web), or a dyno's (web.1)"
    )
    add_why(parser)
    add_waiting(parser)


def run(here: Here) -> int:
    app, which = here.app, here.args.which
    here.client.call("DELETE", _where(app, which), why=here.args.why)
    here.out.line(
        f"restarting {which.partition('.')[0]} of {app}" if which else f"restarting {app}"
    )
    return settled(here, app, "restart")


def _where(app: str, which: str | None) -> str:
    if which is None:
        return path("apps", app, "dynos")
    return path("apps", app, "dynos" if "." in which else "formations", which)
