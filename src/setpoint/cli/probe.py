"""`setpoint probe`: what a web process has to answer before requests are sent to it."""

import argparse
from typing import Any

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app, add_why
from setpoint.cli.settle import add_waiting, settled
from setpoint.model.errors import Refused

EXAMPLE = "setpoint probe shop --path /health"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser)
    parser.add_argument("--path", metavar="PATH", help="ask for this path (/)")
    parser.add_argument("--within", type=float, metavar="S", help="an answer may take so long (5)")
    below = "a status below this is good (500; 400 for a --path)"
    parser.add_argument("--below", type=int, metavar="STATUS", help=below)
    when = parser.add_mutually_exclusive_group()
    when.add_argument("--always", action="store_true", help="at every start of an instance")
    when.add_argument("--once", action="store_true", help="until a release has proven itself")
    parser.add_argument("--listen-only", action="store_true", help="listening is enough")
    parser.add_argument("--default", action="store_true", help="as if nothing had been said")
    parser.add_argument("--process", metavar="TYPE", default="web", help="of which process (web)")
    add_why(parser)
    add_waiting(parser)


def run(here: Here) -> int:
    """Without an option that says otherwise, what is asked now is shown."""
    where = path("v1", "apps", here.app, "probes", here.args.process)
    update = _update(here)
    if not update:
        told = here.client.get(where)
        here.out.line(text(told))
        here.out.result(told)
        return codes.SETTLED
    told = here.client.call("PATCH", where, update, here.args.why)
    here.out.line(f"{here.app}: {text(told)}")
    return settled(here, here.app, "set the probe of")


def _update(here: Here) -> dict[str, object]:
    args = here.args
    if args.listen_only and args.path is not None:
        raise Refused(f"cannot set the probe of '{here.app}': --listen-only asks for no --path")
    update: dict[str, object] = {
        "path": "" if args.listen_only else args.path,
        "timeout_s": args.within,
        "status_below": args.below,
        "once": False if args.always else (args.once or None),
        "default": args.default or None,
    }
    return {field: value for field, value in update.items() if value is not None}


def text(probe: dict[str, Any]) -> str:
    """'web is asked for GET /health: a status below 400 within 2 s'."""
    process = probe["process"]
    if not probe["path"]:
        return f"{process} is ready once it listens"
    good = f"a status below {probe['status_below']} within {probe['timeout_s']:g} s"
    when = "until a release has proven itself" if probe["once"] else "at every start"
    return f"{process} is asked for GET {probe['path']}: {good}, {when}"
