"""`setpoint rehearse`: what would happen? A script of changes and faults in the simulated world."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

from setpoint.cli import codes
from setpoint.cli.command import Here, add_app_option
from setpoint.cli.output import size
from setpoint.model.errors import Refused

EXAMPLE = "setpoint rehearse --from-live what-if.txt"
LIVE = "the running Setpoint"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("script", metavar="FILE", nargs="?", help="the script, - for what is piped")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--from-live", action="store_true", help="begin with what runs here now")
    start.add_argument("--from", metavar="FILE", dest="from_", help="begin with a saved snapshot")
    parser.add_argument("--snapshot", metavar="FILE", help="save what runs here now; no secrets")
    parser.add_argument("--seed", type=int, metavar="N", help="mix what happens at the same moment")
    add_app_option(parser)


def run(here: Here) -> int:
    """0: played to its end, or saved. 4: a `settle` ended before everything was settled. 1: what
    must never happen did: a flaw of Setpoint's."""
    args = here.args
    if args.snapshot and not args.from_live:
        raise Refused("cannot save a snapshot: of what?", "add --from-live")
    if not (args.script or args.snapshot):
        raise Refused("cannot rehearse: no script was named", "see: docs/how-to/rehearse.md")
    taken = _taken(here) if args.from_live else b""
    if args.snapshot:
        _save(here, Path(args.snapshot), taken)
    return _play(here, taken) if args.script else codes.SETTLED


def _taken(here: Here) -> bytes:
    app = here.app_or_none
    query = f"?app={quote(app, safe='')}" if app is not None else ""
    told: dict[str, Any] = here.client.get(f"/v1/snapshot{query}")
    return json.dumps(told).encode()


def _save(here: Here, file: Path, taken: bytes) -> None:
    """Nothing that is there is overwritten."""
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(taken)
    except OSError as error:
        raise Refused(f"cannot save {file}: {error.strerror}") from None
    here.out.note(f"saved {file}, {size(len(taken))}; it names apps, people and config vars")


def _play(here: Here, taken: bytes) -> NoReturn:
    """The simulated world may not be imported from here, so it is executed in our place."""
    args = here.args
    words = ["-I", "-m", "setpoint.testing.rehearse"]
    if args.from_live:
        words += ["--world", _held(taken), "--name", LIVE]
    if args.from_:
        words += ["--world", args.from_, "--name", args.from_]
    if args.seed is not None:
        words += ["--seed", str(args.seed)]
    words += [*(["--json"] if args.json else []), "--", args.script]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *words])


def _held(taken: bytes) -> str:
    """Where what we become finds it; in memory only."""
    held = os.memfd_create("snapshot", 0)
    with open(held, "wb", closefd=False) as opened:
        opened.write(taken)
    os.set_inheritable(held, True)
    return f"/dev/fd/{held}"
