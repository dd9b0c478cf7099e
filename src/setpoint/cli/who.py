"""`setpoint who`: whose an app is, and who changed it last."""

from setpoint.cli import codes
from setpoint.cli.arguments import Arguments
from setpoint.cli.command import Here, add_app
from setpoint.cli.quick import quoted

EXAMPLE = "setpoint who shop"


def arguments(parser: Arguments) -> None:
    add_app(parser)


def run(here: Here) -> int:
    where = f"/v1/who?resource={quoted(here.app)}"
    if here.out.as_json:
        here.out.result(here.client.get(where)["who"])
        return codes.SETTLED
    for line in here.lines(where):
        here.out.line(line)
    return codes.SETTLED
