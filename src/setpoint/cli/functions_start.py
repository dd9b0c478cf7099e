"""`setpoint functions start`: serves a function from its folder, without a Setpoint that runs."""

import argparse
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from setpoint.cli import codes
from setpoint.cli.command import Here
from setpoint.model.errors import Invalid, Refused, SetpointError

EXAMPLE = "setpoint functions start ./greeter --port 8081"
PORT = 8081
"""Beside the edge's, so that both may run."""
PORT_MAX = 65535
QUEUE = 4096
CONFIG = ".env"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", metavar="DIR", nargs="?", default=".", help="the function's folder (.)"
    )
    parser.add_argument(
        "-p", "--port", type=int, default=PORT, metavar="N", help=f"on loopback ({PORT}; 0: any)"
    )
    parser.add_argument(
        "--python", default="", metavar="PATH", help="an interpreter that has all packages"
    )


def run(here: Here) -> int:
    """Until Ctrl-C, which is its ordinary end."""
    folder = Path(here.args.folder).resolve()
    if not folder.is_dir():
        raise Invalid(f"cannot start {here.args.folder}: there is no such folder")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _listening(folder, here.args.port) as listener:
        try:
            _serve(here, folder, listener)
        except KeyboardInterrupt:
            here.out.line("stopped")
    return codes.SETTLED


def _listening(folder: Path, port: int) -> socket.socket:
    fact = "there is no such port"
    if 0 <= port <= PORT_MAX:
        try:
            return socket.create_server(("127.0.0.1", port), backlog=QUEUE)
        except OSError as error:
            fact = os.strerror(error.errno or 0)
    hint = "choose another: --port 0 is any"
    raise Refused(f"cannot start {folder.name}: port {port}: {fact}", hint)


def _serve(here: Here, folder: Path, listener: socket.socket) -> None:
    """What it takes is imported here: it is more than all other commands need together."""
    from setpoint.drivers.builders.errors import CannotBuild, last_lines
    from setpoint.drivers.builders.output import Output
    from setpoint.drivers.workbench.runtime import Bench, Function
    from setpoint.drivers.workbench.serving import Serving, Told

    url = f"http://localhost:{listener.getsockname()[1]}"
    bench = Bench(_cache(here.env), here.env, here.args.python, Output(sys.stderr))

    def prepare(folder: Path) -> Function:
        try:
            return bench.prepared(folder)
        except CannotBuild as error:
            kind = Refused if error.user_error else SetpointError
            fact = f"cannot start {folder.name}: {error.message}"
            hint = "\n".join(filter(None, (error.hint, last_lines(error.tool))))
            raise kind(fact, hint) from None

    def ready(function: Function, took_s: float) -> None:
        here.out.line(f"{function.id} answers at {url}, ready after {took_s:.2f} s")
        here.out.result({"function": function.id, "url": url, "ready_after_s": round(took_s, 3)})

    def env() -> Mapping[str, str]:
        return {**here.env, **_config(folder)}

    here.out.line(f"call it with: setpoint functions invoke {url} -p @event.json")
    told = Told(here.out.note, here.out.complain, ready)
    Serving(folder, listener, prepare, env, told).run()


def _cache(env: Mapping[str, str]) -> Path:
    named = env.get("XDG_CACHE_HOME", "")
    home = Path(named) if os.path.isabs(named) else Path.home() / ".cache"
    return home / "setpoint"


def _config(folder: Path) -> dict[str, str]:
    """What a config var would tell it, from a file that stays out of the deploy."""
    from setpoint.cli import env_file

    file = folder / CONFIG
    return env_file.values(folder.name, str(file)) if file.is_file() else {}
