"""A tool that unpacks what others packed: run with an eye on the disk it fills and on the clock."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from setpoint.drivers.builders import room

RUN_S_MAX = 600.0
LOOK_S = 0.5
OUTPUT_BYTES_MAX = 1024 * 1024
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def run(
    argv: Sequence[str],
    env: Mapping[str, str],
    folder: str,
    fills: Path,
    *,
    stdin: bytes = b"",
    pass_fds: tuple[int, ...] = (),
) -> tuple[int, str, str]:
    """(exit code, output, end of its errors). `env`: all it gets; `fills`: where it unpacks.

    Raises CannotBuild where that is too much, OSError and SubprocessError where it does not run.
    """
    with subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=env,
        pass_fds=pass_fds,
        preexec_fn=Ending(os.getpid()),
    ) as process:
        try:
            out, errors = _heard(process, stdin, room.Watch.of(fills))
        except BaseException:
            process.kill()
            raise
    said = errors[-OUTPUT_BYTES_MAX:].decode(errors="replace")
    return process.returncode, out.decode(errors="replace"), said


class Ending:
    """Between fork and exec: a tool ends with its builder, even one that was killed, and writes
    no further into what others clear away. The kernel means the thread: ours is the only one."""

    def __init__(self, parent: int) -> None:
        self._parent = parent

    def __call__(self) -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != self._parent:
            os._exit(128 + signal.SIGKILL)


def _heard(
    process: "subprocess.Popen[bytes]", stdin: bytes, disk: room.Watch
) -> tuple[bytes, bytes]:
    """(output, errors), once it has ended. Raises CannotBuild and TimeoutExpired."""
    deadline = time.monotonic() + RUN_S_MAX
    given: bytes | None = stdin
    while True:
        try:
            return process.communicate(given, timeout=LOOK_S)
        except subprocess.TimeoutExpired:
            given = None  # it goes on with what it was given first
            disk.check()
            if time.monotonic() > deadline:
                raise
