"""`setpoint who`: whose an app is, and who changed it last."""

import argparse
from urllib.parse import quote

from setpoint.cli import codes
from setpoint.cli.command import Here, add_app

EXAMPLE = "setpoint who shop"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser)


def run(here: Here) -> int:
    told = here.client.get(f"/v1/who?resource={quote(here.app, safe='')}")
    for line in told["lines"]:
        here.out.line(line)
    here.out.result(told["who"])
    return codes.SETTLED
