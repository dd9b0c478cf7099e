"""`setpoint down` speaks to the keeper itself: the API is among what it stops."""

import argparse
import contextlib
import fcntl
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from setpoint.cli import codes
from setpoint.cli.client import Unreachable
from setpoint.cli.command import Here
from setpoint.model.errors import Refused, SetpointError

if TYPE_CHECKING:
    from setpoint.drivers.local.paths import Paths

EXAMPLE = "setpoint down --keep-apps"
SILENCE_S_MAX = 120.0
"""Longer than the grace of every process in turn."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keep-apps", action="store_true", help="stop the plane only; instances go on"
    )


def run(here: Here) -> int:
    from setpoint.drivers.local.paths import Paths

    paths = Paths.of(here.data)
    told: list[str] = []
    for line in _told(paths, {"do": "down", "keep_apps": here.args.keep_apps}):
        if "error" in line:
            raise SetpointError(str(line["error"]))
        if "say" in line:
            told.append(str(line["say"]))
            here.out.line(told[-1])
    here.out.line("down, apps go on" if here.args.keep_apps else "down")
    here.out.result({"down": True, "kept_apps": here.args.keep_apps, "said": told})
    return codes.SETTLED


def _told(paths: "Paths", request: dict[str, object]) -> Iterator[dict[str, Any]]:
    """By its socket; where that was wiped with the runtime directory, by a signal. The supervisor
    cannot be told anything then, so the apps go on until the next `up` has adopted them."""
    try:
        yield from _asked(paths.keeper_socket, request)
    except Unreachable:
        if not _ended(paths.lock):
            raise
        yield {"say": "the runtime directory was wiped: apps go on, `setpoint up` finds them again"}


def _ended(lock: Path) -> bool:
    """Was there a keeper that holds the lock, and has it ended at a signal? False: there is none,
    it is not ours to end, or it does not end."""
    deadline_s = time.monotonic() + SILENCE_S_MAX
    with contextlib.suppress(OSError, ValueError), lock.open("r") as file:
        if _free(file):
            return False
        os.kill(int(file.read()), signal.SIGTERM)
        while time.monotonic() < deadline_s:
            if _free(file):
                return True
            time.sleep(0.05)
    return False


def _free(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


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


def _unreachable(keeper: Path, error: OSError) -> SetpointError:
    if isinstance(error, PermissionError):
        fact = f"{keeper}: {error.strerror}"
        return Refused(f"cannot stop Setpoint: {fact}", "run this as the user who started it")
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return Unreachable(
            f"cannot stop Setpoint: it is not running (no keeper at {keeper})",
            "one that was started with another data directory is meant with --data DIR",
        )
    return Unreachable(f"cannot stop Setpoint: {keeper}: {error.strerror}")
