"""`setpoint domains`: the hosts an app answers at."""

import argparse

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app, add_why
from setpoint.cli.settle import add_waiting, settled

EXAMPLE = "setpoint domains shop --add www.example.com"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser)
    parser.add_argument("--add", metavar="HOST", default="", help="one more; none shows them")
    parser.add_argument("--remove", metavar="HOST", default="", help="no longer")
    add_why(parser)
    add_waiting(parser)


def run(here: Here) -> int:
    """Removes first where both are asked for: one host takes another's place."""
    args, where = here.args, path("apps", here.app, "domains")
    if not args.add and not args.remove:
        told = here.client.get(where)
        for domain in told:
            here.out.line(_line(domain))
        here.out.result(told)
        return codes.SETTLED
    if args.remove:
        here.client.call("DELETE", path("apps", here.app, "domains", args.remove), None, args.why)
    if args.add:
        here.client.call("POST", where, {"hostname": args.add}, args.why)
    return settled(here, here.app, "add a domain to" if args.add else "remove a domain from")


def _line(domain: dict[str, str]) -> str:
    pending = domain["status"] == "pending"
    return f"{domain['hostname']}{'  not answered yet' if pending else ''}"
