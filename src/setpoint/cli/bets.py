"""`setpoint bets`: what decisions rest on, what is due first."""

from urllib.parse import urlencode

from setpoint.cli import codes
from setpoint.cli.arguments import Arguments
from setpoint.cli.command import Here, add_app
from setpoint.model.errors import Refused

EXAMPLE = "setpoint bets --due"


def arguments(parser: Arguments) -> None:
    add_app(parser, required=False)
    told = parser.add_mutually_exclusive_group()
    told.add_argument("--due", action="store_true", help="only what is overdue or lost")
    told.add_argument("--all", action="store_true", help="every decision, with or without a bet")


def run(here: Here) -> int:
    """3: something is due or lost, with --due; else 0."""
    due, every = here.args.due, here.args.all
    asked = {"app": here.app_or_none or "", "due": "1" if due else "", "bets": "" if every else "1"}
    query = urlencode({key: value for key, value in asked.items() if value})
    told = here.client.get(f"/v1/decisions?{query}")
    for line in told["lines"] or [_nothing(due, every)]:
        here.out.line(line)
    here.out.result(told["decisions"])
    return codes.NOT_AS_ASKED if due and told["decisions"] else codes.SETTLED


def _nothing(due: bool, every: bool) -> str:
    if due:
        return "no bet is due, and none is lost"
    return "nothing was decided yet; see: setpoint decide --help" if every else "no bet is open"


def label(said: str) -> str:
    """A decision's name, as it may stand in a path. Raises Refused."""
    from setpoint.model.decision import numbered

    if numbered(said) is None:
        raise Refused(
            f"cannot find {said[:40]!r}: that is no decision", "they are called d-1, d-2, …"
        )
    return said
