"""`setpoint logs`: lines of an app, its router and its builds, oldest first."""

import argparse
import json
from urllib.parse import urlencode

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app
from setpoint.formats.heroku.log_lines import text

EXAMPLE = "setpoint logs shop --dyno web --since 10m --tail"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser)
    parser.add_argument("-n", "--lines", type=int, metavar="N", help="how many (100)")
    parser.add_argument(
        "-s", "--source", metavar="SOURCE", help="app, or heroku for the platform's"
    )
    parser.add_argument("-d", "--dyno", metavar="DYNO", help="web.1, all of web, or router")
    parser.add_argument("--since", metavar="TIME", help="10m, 2h, or a time; then all since that")
    parser.add_argument("-t", "--tail", action="store_true", help="go on with every new line")


def run(here: Here) -> int:
    for raw in here.client.lines(f"{path('v1', 'apps', here.app, 'logs')}?{_query(here)}"):
        line = json.loads(raw)
        if "error" in line:
            here.out.complain(line["error"]["message"])
            return codes.FAILED
        here.out.result(line)
        here.out.line(text(line["at_s"], line["source"], line["dyno"], line["text"]))
    return codes.SETTLED


def _query(here: Here) -> str:
    """The API judges all of it; what was not said is left out."""
    args = here.args
    said = {
        "lines": max(args.lines, 0) if args.lines is not None else None,
        "follow": 1 if args.tail else 0,
        "source": args.source,
        "dyno": args.dyno,
        "since": args.since,
    }
    return urlencode({name: value for name, value in said.items() if value is not None})
