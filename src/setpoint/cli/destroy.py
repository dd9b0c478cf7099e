"""`setpoint destroy`: the app, its releases and its config end. The story stays."""

import argparse
import time
from urllib.parse import quote

from setpoint.cli import codes
from setpoint.cli.client import path
from setpoint.cli.command import Here, add_app, add_why
from setpoint.cli.feed import Feed
from setpoint.cli.settle import add_waiting

EXAMPLE = "setpoint destroy shop --confirm shop"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_app(parser)
    parser.add_argument("--confirm", metavar="APP", required=True, help="its name once more")
    add_why(parser)
    add_waiting(parser)


def run(here: Here) -> int:
    app = here.app
    where = f"{path('apps', app)}?confirm={quote(here.args.confirm, safe='')}"
    gone = here.client.call("DELETE", where, why=here.args.why)
    here.out.line(f"destroying {app}")
    code = codes.SETTLED if here.args.no_wait else _until_gone(here, app, gone["id"])
    here.out.result({"app": app, "id": gone["id"], "gone": code == codes.SETTLED})
    return code


def _until_gone(here: Here, app: str, id: str) -> int:
    """By id: the name may be somebody else's already."""
    deadline_s = time.monotonic() + here.args.timeout
    with Feed(here.client) as feed:
        while (left := here.client.get_or_none(path("v1", "apps", id))) is not None:
            if time.monotonic() >= deadline_s:
                here.out.complain(f"{app} is still being taken down; see: setpoint status {app}")
                return codes.NOT_IN_TIME
            feed.since(left["cursor"], id)
            feed.wait(max(0.0, deadline_s - time.monotonic()))
    here.out.line("gone")
    return codes.SETTLED
