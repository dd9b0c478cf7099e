"""`setpoint timeline`: when each Change was live, beside when it was predicted to be."""

from typing import Any
from urllib.parse import quote

from setpoint.cli import codes
from setpoint.cli.arguments import Arguments
from setpoint.cli.command import Here, add_app
from setpoint.cli.progress import seconds

EXAMPLE = "setpoint timeline shop"


def arguments(parser: Arguments) -> None:
    add_app(parser)
    parser.add_argument("-n", "--limit", type=int, metavar="N", default=20, help="Changes (20)")


def run(here: Here) -> int:
    query = f"?resource={quote(here.app, safe='')}&limit={max(here.args.limit, 1)}"
    told = here.client.get(f"/v1/timeline{query}")
    here.out.table(_row(c["change"], c["outcome"]) for c in told["changes"])
    here.out.line(_judged(told["calibration"]))
    here.out.result(told)
    return codes.SETTLED


def _row(change: dict[str, Any], came: dict[str, Any]) -> tuple[str, ...]:
    usual, took_s = came["predicted"], came["took_s"]
    foretold = "no history"
    if usual is not None:
        foretold = f"predicted {seconds(usual['median_s'])}, p90 {seconds(usual['p90_s'])}"
    late = usual is not None and took_s is not None and took_s > usual["p90_s"]
    live = f"live after {seconds(took_s)}" if took_s is not None else came["state"]
    return f"c{change['seq']}", change["summary"], foretold, live, "late" if late else ""


def _judged(calibration: dict[str, Any]) -> str:
    count, within = calibration["count"], calibration["within"]
    if not count:
        return "nothing was predicted yet: that takes three Changes of a kind"
    share = round(100 * within / count)
    return f"{within} of {count} within their p90: {share} %, and 85 to 95 % is well predicted"
