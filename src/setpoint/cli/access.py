"""`setpoint access`: who may do what to an app."""

import argparse

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app, add_why
from setpoint.model.account import ROLES

EXAMPLE = "setpoint access shop --add ana@example.com --role deploy"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser)
    parser.add_argument("--add", metavar="EMAIL", default="", help="let them, or let them more")
    parser.add_argument("--role", choices=ROLES, default="deploy", help="do what (deploy)")
    parser.add_argument("--remove", metavar="EMAIL", default="", help="no longer")
    add_why(parser)


def run(here: Here) -> int:
    args, where = here.args, ("v1", "apps", here.app, "access")
    if args.remove:
        here.client.call("DELETE", path(*where, args.remove), None, args.why)
    if args.add:
        here.client.call("PUT", path(*where, args.add), {"role": args.role}, args.why)
    told = here.client.get(path(*where))
    here.out.table((has["email"], has["role"]) for has in told)
    here.out.result(told)
    return codes.SETTLED
