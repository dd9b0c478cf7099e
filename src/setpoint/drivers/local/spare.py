"""A builder that waits for its order, with everything it needs imported.

Importing is most of a build from kept layers: 0.12 of 0.19 s. So a moment after a build one more
builder is started, for the next one. It holds memory (30 MiB), and ends where none comes for long.
Its order comes through a pipe with one writer, so that it ends with its supervisor, too.
"""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Mapping
from typing import IO

QUIET_S = 2.0
"""After a build: what was built is being started, and needs the cores."""
KEPT_S = 600.0
ARGV = (sys.executable, "-I", "-m", "setpoint.processes.builder")


class Spare:
    """`environment`: a builder's own, which says whom to become."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._loop = asyncio.get_running_loop()
        self._waiting: subprocess.Popen[bytes] | None = None
        self._alarm: asyncio.TimerHandle | None = None

    def build(self, order: bytes) -> "subprocess.Popen[bytes]":
        """By the one that waits, or by a new one where it is gone. `order`: a BuildOrder, at most
        what a pipe holds, 64 KiB. Raises OSError."""
        waiting, self._waiting = self._waiting, None
        self._cancel_alarm()
        if waiting is not None and waiting.poll() is None and _hand(waiting, order):
            return waiting
        if waiting is not None:
            _end(waiting)
        process = self._start()
        _hand(process, order)  # who died by now has ended without a result
        return process

    def renew(self) -> None:
        """A build has ended: the next may come soon."""
        self._cancel_alarm()
        self._alarm = self._loop.call_later(QUIET_S, self._wait)

    def end(self) -> None:
        self._cancel_alarm()
        if self._waiting is not None:
            _end(self._waiting)
            self._waiting = None

    def _wait(self) -> None:
        if self._waiting is None:
            with contextlib.suppress(OSError):  # the next build tries again, and says why not
                self._waiting = self._start()
        self._alarm = self._loop.call_later(KEPT_S, self.end)

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            ARGV,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )

    def _cancel_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()


def _hand(process: "subprocess.Popen[bytes]", order: bytes) -> bool:
    """Whether it was there to take it."""
    stdin = _stdin(process)
    try:
        stdin.write(order)
        stdin.close()
    except BrokenPipeError:
        return False
    return True


def _end(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(BrokenPipeError):
        _stdin(process).close()
    process.kill()
    process.wait()


def _stdin(process: "subprocess.Popen[bytes]") -> IO[bytes]:
    assert process.stdin is not None
    return process.stdin
