"""`setpoint users`: accounts of people, for administrators."""

import argparse

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_why
from setpoint.model.errors import Refused

EXAMPLE = "setpoint users --add ana@example.com"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--add", metavar="EMAIL", default="", help="with a password, shown once")
    parser.add_argument(
        "--admin", action=argparse.BooleanOptionalAction, help="every app is theirs to manage"
    )
    parser.add_argument("--alter", metavar="EMAIL", default="", help="to --admin or --no-admin")
    parser.add_argument(
        "--password", metavar="EMAIL", default="", help="make a new one; anybody their own"
    )
    parser.add_argument("--remove", metavar="EMAIL", default="", help="and all their tokens")
    add_why(parser)


def run(here: Here) -> int:
    args = here.args
    asked = [said for said in (args.add, args.alter, args.password, args.remove) if said]
    if len(asked) > 1:
        raise Refused("cannot change the accounts: one at a time")
    if args.alter and args.admin is None:
        raise Refused(f"cannot alter {args.alter[:64]!r}: say --admin or --no-admin")
    if args.add:
        return _added(here)
    if args.password:
        return _password(here, args.password, {})
    if args.alter:
        told = here.client.call("PATCH", _one(args.alter), {"admin": args.admin}, args.why)
    elif args.remove:
        told = here.client.call("DELETE", _one(args.remove), None, args.why)
    else:
        return _listed(here)
    here.out.result(told)
    return codes.SETTLED


def _added(here: Here) -> int:
    wish = {"email": here.args.add, "admin": bool(here.args.admin)}
    told = here.client.call("POST", "/v1/users", wish, here.args.why)
    return _password(here, told["email"], told)


def _password(here: Here, email: str, user: dict[str, object]) -> int:
    where = f"{_one(email)}/password"
    made = here.client.call("POST", where, None, here.args.why)
    here.out.line(f"{made['email']} signs in with this password, which is shown once:")
    here.out.line(made["password"])
    here.out.result({**user, **made})
    return codes.SETTLED


def _listed(here: Here) -> int:
    told = here.client.get("/v1/users")
    if not told:
        here.out.line("nobody but this installation; add somebody: setpoint users --add EMAIL")
    here.out.table((user["email"], _about(user)) for user in told)
    here.out.result(told)
    return codes.SETTLED


def _about(user: dict[str, object]) -> str:
    rank = "administrator" if user["admin"] else "member"
    return rank if user["password"] else f"{rank}, without a password"


def _one(email: str) -> str:
    return path("v1", "users", email)
