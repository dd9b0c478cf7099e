"""`setpoint apps`: what there is."""

import argparse

from setpoint.cli import codes
from setpoint.cli.command import Here

EXAMPLE = "setpoint apps"


def arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""
    del parser


def run(here: Here) -> int:
    apps = here.client.get("/apps")
    if not apps:
        here.out.line("no apps yet; make one with: setpoint deploy DIR")
    here.out.table((app["name"], app["web_url"].rstrip("/")) for app in apps)
    here.out.result(apps)
    return codes.SETTLED
