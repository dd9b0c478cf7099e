"""`setpoint logs`: lines of an app, its router and its builds, oldest first."""

import argparse
import json
from datetime import UTC, datetime
from typing import Any

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app

EXAMPLE = "setpoint logs shop -n 20 --tail"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser)
    parser.add_argument("-n", "--lines", type=int, metavar="N", default=100, help="how many (100)")
    parser.add_argument("-t", "--tail", action="store_true", help="go on with every new line")


def run(here: Here) -> int:
    query = f"?lines={max(here.args.lines, 0)}&follow={'1' if here.args.tail else '0'}"
    for raw in here.client.lines(path("v1", "apps", here.app, "logs") + query):
        line = json.loads(raw)
        if "error" in line:
            here.out.complain(line["error"]["message"])
            return codes.FAILED
        here.out.result(line)
        here.out.line(text(line))
    return codes.SETTLED


def text(line: dict[str, Any]) -> str:
    """As Heroku prints them: `2026-01-01T12:00:00.000000+00:00 app[web.1]: text`."""
    at = datetime.fromtimestamp(line["at_s"], UTC).isoformat(timespec="microseconds")
    return f"{at} {line['source']}[{line['dyno']}]: {line['text']}"
