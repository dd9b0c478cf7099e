"""`setpoint egress`: whom the processes of an app may connect to."""

import argparse
from typing import Any

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app, add_why
from setpoint.cli.settle import add_waiting, settled

EXAMPLE = "setpoint egress shop internet 10.0.3.0/24"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser)
    words = "internet, none, default, or ranges like 10.0.3.0/24"
    parser.add_argument("egress", nargs="*", metavar="WORD", help=words)
    add_why(parser)
    add_waiting(parser)


def run(here: Here) -> int:
    """Without a word on what it should be, what it is is shown."""
    where, said = path("v1", "apps", here.app, "egress"), here.args.egress
    if not said:
        told = here.client.get(where)
        here.out.line(text(told))
        here.out.result(told)
        return codes.SETTLED
    wanted = {"egress": [] if said == ["default"] else said}
    told = here.client.call("PUT", where, wanted, here.args.why)
    here.out.line(f"{here.app}: {text(told)}")
    return settled(here, here.app, "set the egress of")


def text(told: dict[str, Any]) -> str:
    """'internet (default)', or with what this level gives where that is something else."""
    said = f"{told['egress']} (default)" if told["default"] else told["egress"]
    if told["offered"] == "machine":
        return f"{said}; apps have the machine's whole network at this level"
    if told["offered"] == "none" and told["egress"] != "none":
        return f"{said}; apps have no way out at this level"
    return str(said)
