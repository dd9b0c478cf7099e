"""One process of a function, as the supervisor would start it, but for the walls around it."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Mapping

from setpoint.drivers.builders.watched import Ending
from setpoint.drivers.workbench.runtime import Function

EXIT_UNLOADABLE = 65
"""The worker's word for a function that cannot be loaded: starting it again would not help."""
RECORD_BYTES_MAX = 65536
HEED_S_MAX = 1.0


class Worker:
    """Runs from the start, until `end`."""

    def __init__(self, function: Function, listener: socket.socket, env: Mapping[str, str]) -> None:
        self._records, told = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._heard = b""
        self._talks = True
        self.was_ready = False
        fds = (listener.fileno(), told)
        own = ("--fd", str(fds[0]), "--record-fd", str(fds[1]))
        try:
            self._process = subprocess.Popen(
                (*function.argv, *own),
                pass_fds=fds,
                env=env,
                cwd=function.folder,
                stdin=subprocess.DEVNULL,
                process_group=0,  # Ctrl-C is for us to hear, and all it starts is for us to end
                preexec_fn=Ending(os.getpid()),
            )
        except BaseException:
            os.close(self._records)
            raise
        finally:
            os.close(told)

    def got_ready(self, within_s: float) -> bool:
        """Has it told so since the last call? Waits until it tells anything, or ends."""
        ready = b"ready" in self._told(within_s)
        self.was_ready |= ready
        return ready

    def _told(self, within_s: float) -> list[bytes]:
        if select.select([self._records] if self._talks else [], [], [], within_s)[0]:
            heard = os.read(self._records, RECORD_BYTES_MAX)
            self._talks = bool(heard)
            self._heard += heard
        *lines, self._heard = self._heard.split(b"\n")
        return lines

    def code(self) -> int | None:
        """How it ended: 128 + signal for a signal, None while it runs."""
        code = self._process.poll()
        return code if code is None or code >= 0 else 128 - code

    def drain(self) -> None:
        """It takes nothing new, and ends once it has answered what it has. One that is too busy to
        say so takes nothing either."""
        self._process.terminate()
        until_s = time.monotonic() + HEED_S_MAX
        while self._talks and self.was_ready and time.monotonic() < until_s:
            if b"draining" in self._told(HEED_S_MAX):
                return

    def end(self) -> None:
        """Now, and whatever it started with it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._records)
