"""`setpoint why`: the last Changes of an app, and what each made happen, with its because."""

import argparse
from urllib.parse import quote

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app

EXAMPLE = "setpoint why shop formation.web.max"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser)
    parser.add_argument("path", metavar="FIELD", nargs="?", help="one field: who set it, and why")
    parser.add_argument("-n", "--limit", type=int, metavar="N", default=10, help="Changes (10)")


def run(here: Here) -> int:
    query = f"?limit={max(here.args.limit, 1)}"
    if here.args.path:
        query += f"&path={quote(here.args.path, safe='')}"
    told = here.client.get(path("v1", "apps", here.app, "why") + query)
    for line in told["lines"]:
        here.out.line(line)
    here.out.result(told["field"] or told["story"])
    return codes.SETTLED
