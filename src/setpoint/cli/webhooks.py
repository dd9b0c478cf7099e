"""`setpoint webhooks`: who is told of what happens to an app."""

import argparse
from secrets import token_hex
from typing import Any

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app, add_why

SECRET_BYTES = 32
EXAMPLE = "setpoint webhooks shop --add https://chat.example.com/hook --include api:release"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser)
    parser.add_argument("--add", metavar="URL", default="", help="tell them; none shows who is")
    parser.add_argument("--include", metavar="NAMES", default="api:release", help="of what")
    parser.add_argument(
        "--level", choices=("notify", "sync"), default="sync", help="once, or until it is taken"
    )
    parser.add_argument("--secret", metavar="TEXT", default="", help="signs it (one is made)")
    parser.add_argument("--remove", metavar="ID", default="", help="tell them no more")
    parser.add_argument("--deliveries", action="store_true", help="what they were told")
    add_why(parser)


def run(here: Here) -> int:
    args, where = here.args, ("apps", here.app, "webhooks")
    if args.remove:
        here.client.call("DELETE", path(*where, args.remove), None, args.why)
    if args.add:
        include = [name.strip() for name in args.include.split(",")]
        body = {"url": args.add, "include": include, "level": args.level}
        secret = args.secret or token_hex(SECRET_BYTES)
        here.client.call("POST", path(*where), {**body, "secret": secret}, args.why)
        if not args.secret:
            here.out.line(f"signed with {secret}")
    return _told(here) if args.deliveries else _shown(here, path(*where))


def _shown(here: Here, where: str) -> int:
    told = here.client.get(where)
    here.out.table((h["id"], h["url"], ",".join(h["include"]), h["level"]) for h in told)
    if not told:
        here.out.line("nobody is told of what happens to it")
    here.out.result(told)
    return codes.SETTLED


def _told(here: Here) -> int:
    told = here.client.get(path("apps", here.app, "webhook-deliveries"))
    here.out.table(_line(delivery) for delivery in told)
    here.out.result(told)
    return codes.SETTLED


def _line(told: dict[str, Any]) -> tuple[str, ...]:
    last = told["last_attempt"] or {}
    answer = str(last.get("code") or last.get("error_class") or "")
    attempts = f"{told['num_attempts']} attempts"
    return told["created_at"], told["event"]["include"], told["status"], attempts, answer
