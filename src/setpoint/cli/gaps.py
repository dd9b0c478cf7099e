"""`setpoint gaps`: what is wanted and cannot be had, what is nearest, and the way round."""

from typing import Any
from urllib.parse import quote

from setpoint.cli import codes
from setpoint.cli.arguments import Arguments
from setpoint.cli.command import Here, add_app
from setpoint.cli.output import ago

EXAMPLE = "setpoint gaps --by capability"


def arguments(parser: Arguments) -> None:
    add_app(parser, required=False)
    parser.add_argument(
        "--by", choices=("app", "capability"), default="app", help="what stands first (app)"
    )


def run(here: Here) -> int:
    """0: everything can be had. 3: something cannot."""
    app = here.app_or_none
    told = here.client.get("/v1/gaps" if app is None else f"/v1/gaps?app={quote(app)}")
    demands = told["capabilities"]
    if not demands:
        here.out.line("nothing is wanted that cannot be had", "green")
    elif here.args.by == "capability":
        _by_capability(here, demands)
    else:
        _by_app(here, demands, told["at_s"])
    here.out.result(told)
    return codes.NOT_AS_ASKED if demands else codes.SETTLED


def _by_capability(here: Here, demands: list[dict[str, Any]]) -> None:
    """The demand list: most wanted first."""
    for demand in demands:
        apps = "1 app" if demand["apps"] == 1 else f"{demand['apps']} apps"
        here.out.line(f"{demand['capability']}  wanted by {apps}", "bold")
        here.out.table([(gap["app"], _short(gap)) for gap in demand["gaps"]], "  ")
        _way_round(here, demand["workaround"])


def _by_app(here: Here, demands: list[dict[str, Any]], at_s: float) -> None:
    gaps = [gap for demand in demands for gap in demand["gaps"]]
    for gap in sorted(gaps, key=lambda g: (g["app"], g["unmet"]["path"])):
        here.out.line(f"{gap['app']}  {_short(gap)}  {ago(at_s - gap['since_s'])}", "yellow")
        here.out.line(f"  because {gap['unmet']['because']}")
        _way_round(here, gap["unmet"]["workaround"])


def _short(gap: dict[str, Any]) -> str:
    unmet = gap["unmet"]
    return (
        f"{unmet['path']}: wanted {unmet['wanted']}, offered {unmet['offered']}, "
        f"nearest {unmet['nearest']}"
    )


def _way_round(here: Here, workaround: str) -> None:
    if workaround:
        here.out.line(f"  the way round: {workaround}", "dim")
