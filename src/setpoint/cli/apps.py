"""`setpoint apps`: what there is, where it answers, and how it is."""

import argparse

from setpoint.cli import codes
from setpoint.cli.command import Here
from setpoint.cli.status import state_text

EXAMPLE = "setpoint apps"


def arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""
    del parser


def run(here: Here) -> int:
    told = here.client.get("/v1/status")
    apps = [
        {**a, "web_url": f"http://{a['name']}.localhost:{told['edge_port']}/"} for a in told["apps"]
    ]
    if not apps:
        here.out.line("no apps yet; make one with: setpoint deploy DIR")
    here.out.table(
        (
            str(a["name"]),
            str(a["web_url"]).rstrip("/"),
            f"v{a['release']}" if a["release"] else "-",
            state_text(a, told["at_s"]),
        )
        for a in apps
    )
    here.out.result(apps)
    return codes.SETTLED
