"""`setpoint drains`: where an app's log is sent, too, and whether it arrives."""

import argparse
import sys
from typing import Any

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app, add_why
from setpoint.cli.output import ago
from setpoint.cli.settle import add_waiting, settled

EXAMPLE = "setpoint drains shop --add syslog+tls://logs.example.com:6514"
COLOURS = {"failing": "red", "retrying": "yellow"}


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser)
    parser.add_argument(
        "--add", metavar="URL", default="", help="one more (-: read it); none shows them"
    )
    parser.add_argument("--remove", metavar="DRAIN", default="", help="no longer: id, token or URL")
    add_why(parser)
    add_waiting(parser)


def run(here: Here) -> int:
    args, where = here.args, path("apps", here.app, "log-drains")
    if not args.add and not args.remove:
        return _shown(here)
    if args.remove:
        gone = path("apps", here.app, "log-drains", args.remove)
        here.client.call("DELETE", gone, None, args.why)
    if args.add:
        # An address may hold a password, and a command line is for everybody on the machine.
        url = sys.stdin.readline().strip() if args.add == "-" else args.add
        here.client.call("POST", where, {"url": url}, args.why)
    return settled(here, here.app, "add a log drain to" if args.add else "remove a log drain from")


def _shown(here: Here) -> int:
    told = here.client.get(path("v1", "apps", here.app, "drains"))
    now_s = here.client.get(path("v1", "apps", here.app))["at_s"] if told else 0.0
    for drain in told:
        here.out.line(f"{drain['url']}  {_state(drain, now_s)}", COLOURS.get(drain["state"], ""))
        here.out.line(f"  {drain['token']}")
        if drain["error"]:
            here.out.line(f"  {drain['error']}")
    if not told:
        here.out.line("its log is sent nowhere else")
    here.out.result(told)
    return codes.SETTLED


def _state(drain: dict[str, Any], now_s: float) -> str:
    """'delivering, 12 lines, the last 3 s ago, 5 dropped'"""
    words = [drain["state"], f"{drain['delivered']} lines"]
    if drain["delivered_at_s"] is not None:
        words.append(f"the last {ago(now_s - drain['delivered_at_s'])}")
    if drain["dropped"]:
        words.append(f"{drain['dropped']} dropped")
    return ", ".join(words)
