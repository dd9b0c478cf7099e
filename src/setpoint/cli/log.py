"""`setpoint log`: every Change, newest first, in a line each."""

import time
from typing import Any
from urllib.parse import quote

from setpoint.cli import codes
from setpoint.cli.arguments import Arguments
from setpoint.cli.command import Here, add_app
from setpoint.cli.output import ago, one_line
from setpoint.cli.progress import seconds

EXAMPLE = "setpoint log shop -n 30"
WHY_CHARS_MAX = 60


def arguments(parser: Arguments) -> None:
    add_app(parser, required=False)
    parser.add_argument("-n", "--limit", type=int, metavar="N", default=15, help="how many (15)")


def run(here: Here) -> int:
    app = here.app_or_none
    query = f"?limit={max(here.args.limit, 1)}" + (f"&app={quote(app, safe='')}" if app else "")
    changes = here.client.get(f"/v1/changes{query}")
    if not changes:
        here.out.line("nothing was ever changed")
    here.out.table(_row(change, time.time(), named=app is not None) for change in changes)
    here.out.result(changes)
    return codes.SETTLED


def _row(told: dict[str, Any], now_s: float, *, named: bool) -> tuple[str, ...]:
    change, asked = told["change"], told["change"]["asked"]
    who = asked["on_behalf_of"] or asked["actor"]["email"] or asked["actor"]["name"]
    app = () if named else (told["app"],)
    return (
        f"c{change['seq']}",
        ago(now_s - asked["at_s"]),
        f"{who} via {asked['via']}",
        *app,
        change["summary"],
        _outcome(told["outcome"]),
        _why(told["reason"]),
    )


def _outcome(came: dict[str, Any] | None) -> str:
    if came is None:
        return ""
    return f"live, {seconds(came['took_s'])}" if came["took_s"] is not None else came["state"]


def _why(reason: dict[str, Any]) -> str:
    first = one_line(reason["text"].split("\n", 1)[0])
    short = first if len(first) <= WHY_CHARS_MAX else first[: WHY_CHARS_MAX - 1] + "…"
    return f"{short} [{reason['kind']}]" if reason["kind"] in ("thin", "reused") else short
