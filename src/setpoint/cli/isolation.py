"""`setpoint isolation`: the lowest level at which anything of an app may run."""

import argparse
from typing import Any

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app, add_why
from setpoint.cli.settle import add_waiting, settled

EXAMPLE = "setpoint isolation shop L3"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser)
    parser.add_argument("level", nargs="?", metavar="LEVEL", help="L3, L2 or L0; any will do: any")
    add_why(parser)
    add_waiting(parser)


def run(here: Here) -> int:
    """Without a level, what is so is shown."""
    where, said = path("v1", "apps", here.app, "isolation"), here.args.level
    if said is None:
        told = here.client.get(where)
        here.out.line(text(told))
        here.out.result(told)
        return codes.SETTLED
    wanted = {"level_min": "" if said == "any" else said}
    told = here.client.call("PUT", where, wanted, here.args.why)
    here.out.line(f"{here.app}: {text(told)}")
    return settled(here, here.app, "set the isolation level of")


def text(told: dict[str, Any]) -> str:
    """'L3 at least; this machine has L2'"""
    said = f"{told['level_min']} at least" if told["level_min"] else "any level (default)"
    return f"{said}; this machine has {told['offered']}"
