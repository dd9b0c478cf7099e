"""`setpoint tokens`: what you signed in with, and what your programs do."""

import argparse
from typing import Any

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_why
from setpoint.model.errors import Refused

EXAMPLE = 'setpoint tokens --create "deploys from CI" --scope write --expires-in 90d'
UNITS_S = {"h": 3600, "d": 86400, "w": 604800}
WHERE = ("oauth", "authorizations")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--create", metavar="WORDS", default="", help="one more, for what")
    parser.add_argument(
        "--scope", choices=("read", "write", "global"), default="global", help="good for (global)"
    )
    parser.add_argument("--expires-in", metavar="TIME", default="", help="12h, 90d, 4w; else never")
    parser.add_argument("--revoke", metavar="ID", default="", help="good no more, from now on")
    add_why(parser)


def run(here: Here) -> int:
    args = here.args
    if args.create:
        wish = {"description": args.create, "scope": [args.scope]}
        wish |= {"expires_in": _seconds(args.expires_in)} if args.expires_in else {}
        told = here.client.call("POST", path(*WHERE), wish, args.why)
        here.out.line("a token, shown this once:")
        here.out.line(told["access_token"]["token"])
        here.out.result(told)
        return codes.SETTLED
    if args.revoke:
        told = here.client.call("DELETE", path(*WHERE, args.revoke), None, args.why)
        here.out.line(f"revoked: {told['description'] or told['id']}")
        here.out.result(told)
        return codes.SETTLED
    told = here.client.get(path(*WHERE))
    if not told:
        here.out.line("no tokens but the installation's own")
    here.out.table(_row(token) for token in told)
    here.out.result(told)
    return codes.SETTLED


def _row(token: dict[str, Any]) -> tuple[str, ...]:
    left_s = token["access_token"]["expires_in"]
    left = "never expires" if left_s is None else f"expires in {_in_words(left_s)}"
    return (token["id"], ",".join(token["scope"]), left, token["description"])


def _in_words(seconds: int) -> str:
    days = seconds // UNITS_S["d"]
    return f"{days} d" if days else f"{seconds // UNITS_S['h']} h"


def _seconds(said: str) -> int:
    number, unit = said[:-1], said[-1:]
    if not number.isdecimal() or len(number) > 6 or unit not in UNITS_S:
        raise Refused(f"cannot make a token: {said[:40]!r} is no time", "say 12h, 90d or 4w")
    return int(number) * UNITS_S[unit]
