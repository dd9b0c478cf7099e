"""The process: what it is told, in which order it comes up, and what its exit code means."""

import asyncio
import contextlib
import json
import os
import socket
import sys
from typing import NamedTuple

from . import preload

EXIT_UNLOADABLE = 65
"""The function can't be loaded, its traceback is on stderr. Starting again won't help."""
EXIT_BROKEN = 70
"""Another instance will do."""


IMPORTED_S = 0.2
"""after it got ready: looking through them takes as long as answering does"""


class Ahead:
    """What a start can have done before it is known whose it is. `known`: what its zygote has
    imported."""

    def __init__(self, known: preload.Known = preload.NOTHING) -> None:
        import uvloop

        self.known = known
        self.runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.runner.get_loop()


def main(ahead: Ahead | None = None) -> int:
    """0: drained after SIGTERM. 65: can't be loaded. 70: a function would not stop, or took
    the listening socket away.

    `ahead`: of a process that was forked."""
    start = "fresh" if ahead is None else "fork"
    ahead = ahead or Ahead()
    told = read(sys.argv[1:])
    os.environ["FUNCTION_PROJECT_PATH"] = told.project
    listener = socket.socket(fileno=told.fd)
    listener.setblocking(False)
    os.set_inheritable(told.fd, False)
    os.set_inheritable(told.record_fd, False)

    from salesforce_functions._internal import app as runtime

    from . import extra_info, watchdog
    from .figures import Figures
    from .invocation import Invocations
    from .server import make_server

    extra_info.repair(runtime)
    records = _Records(told.record_fd)
    figures = Figures(records.try_to_write)
    invocations = Invocations(runtime.asgi_app, told.name, told.deadline_s, start, figures)
    watchdog.start(invocations)

    def record(word: str) -> None:
        """What a zygote has imported already is enough: of a fork, what came on top can wait."""
        if word == "ready" and start == "fork":
            asyncio.get_running_loop().call_later(IMPORTED_S, tell_imported)
        elif word == "ready":
            tell_imported()
        records.write(word)

    def tell_imported() -> None:
        records.write(_imported(told.project, ahead.known))

    server = make_server(invocations, listener, told.limit, record)
    served = _run(server, ahead.runner)
    figures.flush()
    if server.broken:
        return EXIT_BROKEN
    return 0 if served else EXIT_UNLOADABLE


class Told(NamedTuple):
    """The command line. `fd`: the listening socket. `record_fd`: gets `ready`, `draining`.
    `project`: folder of main.py and project.toml. `name`: the function's, for its records.
    `limit`: invocations at once. `deadline_s`: of each."""

    fd: int
    record_fd: int
    project: str
    name: str
    limit: int
    deadline_s: float


def read(argv: list[str]) -> Told:
    """`--name value ...`; the standard library's parser takes a millisecond and a megabyte, which
    each fork would pay. Raises SystemExit."""
    given = dict(zip(argv[::2], argv[1::2], strict=False))
    try:
        told = Told(
            fd=int(given.pop("--fd")),
            record_fd=int(given.pop("--record-fd")),
            project=given.pop("--project"),
            name=given.pop("--name", "") or _own_name(),
            limit=int(given.pop("--limit", "10")),
            deadline_s=float(given.pop("--deadline", "120")),
        )
    except (KeyError, ValueError) as error:
        raise SystemExit(f"python_function: cannot read the command line: {error}") from None
    if given or len(argv) % 2:
        raise SystemExit(f"python_function: cannot read the command line: {argv}")
    return told


def _imported(project: str, known: preload.Known) -> str:
    """For a zygote that is to spare the next start these imports."""
    told = {"modules": preload.recorded(project, known), "safe": preload.fork_safe(project)}
    return f"imported {json.dumps(told)}"


def _own_name() -> str:
    """`hello` from a dyno name like hello.1."""
    return os.environ.get("DYNO", "").rpartition(".")[0] or "function"


def _run(server, runner: asyncio.Runner) -> bool:
    """Did it serve? Otherwise the runtime has said why on stderr, with the function's traceback."""
    with contextlib.suppress(SystemExit), runner:  # newer servers leave so when the start failed
        runner.run(server.serve())
    return server.started


class _Records:
    """The supervisor's side channel. Nobody may be reading: it never blocks and never fails."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        os.set_blocking(fd, False)

    def try_to_write(self, word: str) -> None:
        """What is worth no complaint."""
        with contextlib.suppress(OSError):
            os.write(self._fd, f"{word}\n".encode())

    def write(self, word: str) -> None:
        try:
            os.write(self._fd, f"{word}\n".encode())
        except OSError as error:
            print(f"setpoint: {word}, but nobody hears it: {error}", file=sys.stderr)
