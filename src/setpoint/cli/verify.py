"""`setpoint verify`: somebody has checked that a decision still holds."""

from setpoint.cli import codes
from setpoint.cli.arguments import Arguments
from setpoint.cli.bets import label
from setpoint.cli.client import path
from setpoint.cli.command import Here

EXAMPLE = 'setpoint verify d-41 -m "the load test says the same as in spring"'


def arguments(parser: Arguments) -> None:
    parser.add_argument("decision", metavar="DECISION", help="d-41")
    parser.add_argument("-m", "--why", metavar="HOW", default="", help="how you know")


def run(here: Here) -> int:
    where = path("v1", "decisions", label(here.args.decision), "verifications")
    decision = here.client.call("POST", where, {"text": here.args.why})
    here.out.line(f"{here.args.decision} still holds, you say")
    here.out.result(decision)
    return codes.SETTLED
