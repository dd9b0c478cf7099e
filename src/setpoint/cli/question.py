"""`setpoint question`: ask whoever looks after a decision whether it still holds."""

from setpoint.cli import codes
from setpoint.cli.arguments import Arguments
from setpoint.cli.bets import label
from setpoint.cli.client import path
from setpoint.cli.command import Here

EXAMPLE = 'setpoint question d-41 -m "the fair is over, do we still need three?"'


def arguments(parser: Arguments) -> None:
    parser.add_argument("decision", metavar="DECISION", help="d-41")
    parser.add_argument("-m", "--why", metavar="WORDS", default="", help="what makes you ask")


def run(here: Here) -> int:
    where = path("v1", "decisions", label(here.args.decision), "questions")
    decision = here.client.call("POST", where, {"text": here.args.why})
    owner = decision["decided"]["owner"]
    here.out.line(f"asked; {owner} sees it until somebody verifies {here.args.decision}")
    here.out.result(decision)
    return codes.SETTLED
