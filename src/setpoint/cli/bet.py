"""`setpoint bet held|lost|extend D`: how a bet went. Nothing is changed by it but what is known."""

from setpoint.cli import codes
from setpoint.cli.arguments import Arguments
from setpoint.cli.bets import label
from setpoint.cli.client import path
from setpoint.cli.command import Here

EXAMPLE = 'setpoint bet lost d-41 -m "the fair brought 31 rps"'


def arguments(parser: Arguments) -> None:
    parser.add_argument("outcome", choices=("held", "lost", "extend"), help="how it went")
    parser.add_argument("decision", metavar="DECISION", help="d-41")
    parser.add_argument("-m", "--why", metavar="WORDS", default="", help="what was seen")
    parser.add_argument("--revisit", metavar="WHEN", default="", help="with extend: 30d, or a date")


def run(here: Here) -> int:
    args = here.args
    body = {"outcome": args.outcome, "text": args.why, "revisit": args.revisit}
    where = path("v1", "decisions", label(args.decision), "outcome")
    decision = here.client.call("POST", where, body)
    ended = "extended" if args.outcome == "extend" else args.outcome
    here.out.line(f"the bet of {args.decision}: {ended}")
    act = decision["decided"]["bet"]["if_wrong"]
    if ended == "lost" and act:
        here.out.line(f"what was to be done then: {act}", "yellow")
    here.out.result(decision)
    return codes.SETTLED
