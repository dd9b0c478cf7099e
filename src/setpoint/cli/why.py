"""`setpoint why`: how an app, or one value of it, came to be so; and what going back would do."""

from setpoint.cli import codes
from setpoint.cli.arguments import Arguments
from setpoint.cli.command import Here, add_app
from setpoint.cli.quick import quoted
from setpoint.model.errors import Refused

EXAMPLE = "setpoint why shop web.max"


def arguments(parser: Arguments) -> None:
    add_app(parser)
    parser.add_argument(
        "field", metavar="FIELD", nargs="?", help="one value: web.max, GREETING, source.digest"
    )
    told = parser.add_mutually_exclusive_group()
    told.add_argument("--history", action="store_true", help="every Change of it")
    told.add_argument("--at", metavar="TIME", default="", help="as it was: 2h, a time, or a Change")
    told.add_argument("--undo", action="store_true", help="each step that going back would take")
    told.add_argument(
        "--stale", action="store_true", help="values whose reason is missing, thin or old"
    )
    parser.add_argument("-n", "--limit", type=int, metavar="N", default=10, help="Changes (10)")


def run(here: Here) -> int:
    where = f"/v1/why?{_query(here)}"
    if not here.out.as_json:
        for line in here.lines(where):
            here.out.line(line)
        return codes.SETTLED
    told = here.client.get(where)
    answer = (told["field"], told["fields"], told["story"], told["decision"])
    here.out.result(next(part for part in answer if part is not None))
    return codes.SETTLED


def _query(here: Here) -> str:
    args = here.args
    if not args.field and (args.history or args.at or args.undo):
        raise Refused(
            f"cannot tell that of all of {here.app!r}: it is asked of one field",
            f"name one; `setpoint log {here.app}` tells of all",
        )
    if args.field and args.stale:
        raise Refused("cannot look for old reasons in one field: --stale tells of a whole app")
    asked = {
        "resource": here.app,
        "field": args.field or "",
        "history": "1" if args.history else "",
        "at": args.at,
        "undo": "1" if args.undo else "",
        "stale": "1" if args.stale else "",
        "limit": str(max(args.limit, 1)),
    }
    return "&".join(f"{key}={quoted(value)}" for key, value in asked.items() if value)
