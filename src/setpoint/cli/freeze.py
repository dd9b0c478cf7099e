"""`setpoint freeze`: leave an app as it is for a while, whatever becomes of it or is asked."""

import argparse

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app, add_why
from setpoint.cli.settle import add_waiting, settled
from setpoint.cli.status import upkeep_text
from setpoint.model.errors import Refused

EXAMPLE = 'setpoint freeze shop --until 2h -m "looking for a leak"'


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser)
    parser.add_argument("--until", metavar="TIME", help="90m, 2h, or a time; then over")
    parser.add_argument(
        "--report", action="store_true", help="carry out Changes, leave what outsiders do"
    )
    add_why(parser)
    add_waiting(parser)


def run(here: Here) -> int:
    """0 once nothing is done any more, however the app is: that is what was asked."""
    app, args = here.app, here.args
    if args.until is not None and not args.until.strip():
        raise Refused(f"cannot freeze '{app}': --until says no time", "say 2h, or leave it out")
    mode = "report" if args.report else "freeze"
    wanted = {"mode": mode, "until": args.until or ""}
    told = here.client.call("PUT", path("v1", "apps", app, "upkeep"), wanted, args.why)
    here.out.line(f"{app}: {upkeep_text(told, told['since_s'])}")
    if not args.report:
        here.out.line("what is asked from now on is accepted, and waits")
    code = settled(here, app, "stop repairing" if args.report else "freeze")
    return codes.SETTLED if code == codes.NOT_AS_ASKED else code
