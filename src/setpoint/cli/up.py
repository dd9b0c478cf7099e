"""`setpoint up` becomes the process that starts all others: no client from here on."""

import argparse
import os
import sys

from setpoint.cli.command import Here

EXAMPLE = "setpoint up --detach"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--detach", action="store_true", help="return once it is ready")
    parser.add_argument("--edge-port", type=int, metavar="N", help="where apps answer (8080)")
    parser.add_argument("--api-port", type=int, metavar="N", help="the API on loopback (5180)")
    parser.add_argument(
        "--tls-port",
        type=int,
        metavar="N",
        help="the API over TLS (5100, or any with --api-port 0)",
    )
    parser.add_argument(
        "--tls-address",
        metavar="IP",
        help="where both of these listen (127.0.0.1); others connect to it with setpoint connect",
    )
    parser.add_argument(
        "--rendezvous-port", type=int, metavar="N", help="heroku run's terminals (5101, or any)"
    )
    parser.add_argument(
        "--floor", choices=("L3", "L2", "L0"), help="the least isolation to start with (L2)"
    )


def run(here: Here) -> int:
    """The roof may not be imported from here, so it is executed: same process, same terminal."""
    sys.stdout.flush()
    words = ["-I", "-m", "setpoint.processes.up", *words_for(here.args, str(here.data))]
    os.execv(sys.executable, [sys.executable, *words])


def words_for(args: argparse.Namespace, data: str) -> list[str]:
    words = ["--data", data]
    for option in ("edge_port", "api_port", "tls_port", "tls_address", "rendezvous_port", "floor"):
        value = getattr(args, option)
        if value is not None:
            words += [f"--{option.replace('_', '-')}", str(value)]
    return words + [f"--{flag}" for flag in ("detach", "json") if getattr(args, flag)]
