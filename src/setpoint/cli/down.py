"""`setpoint down` speaks to the keeper itself: the API is among what it stops."""

import argparse
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from setpoint.cli import codes
from setpoint.cli.client import Unreachable
from setpoint.cli.command import Here
from setpoint.model.errors import SetpointError

EXAMPLE = "setpoint down --keep-apps"
SILENCE_S_MAX = 120.0
"""Longer than the grace of every process in turn."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keep-apps", action="store_true", help="stop the plane only; instances go on"
    )


def run(here: Here) -> int:
    from setpoint.drivers.local.paths import Paths

    keeper = Paths.of(here.data).keeper_socket
    told: list[str] = []
    for line in _asked(keeper, {"do": "down", "keep_apps": here.args.keep_apps}):
        if "error" in line:
            raise SetpointError(str(line["error"]))
        if "say" in line:
            told.append(str(line["say"]))
            here.out.line(told[-1])
    here.out.line("down, apps go on" if here.args.keep_apps else "down")
    here.out.result({"down": True, "kept_apps": here.args.keep_apps, "said": told})
    return codes.SETTLED


def _asked(keeper: Path, request: dict[str, object]) -> Iterator[dict[str, Any]]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(SILENCE_S_MAX)
        try:
            peer.connect(str(keeper))
        except OSError as error:
            raise _unreachable(keeper, error) from None
        peer.sendall(json.dumps(request).encode() + b"\n")
        with peer.makefile("r", encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)


def _unreachable(keeper: Path, error: OSError) -> Unreachable:
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return Unreachable(
            f"cannot stop Setpoint: it is not running (no keeper at {keeper})",
            "one that was started with another data directory is meant with --data DIR",
        )
    return Unreachable(f"cannot stop Setpoint: {keeper}: {error.strerror}")
