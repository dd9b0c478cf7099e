"""The small process that forks in the supervisor's stead (see `workers.forker`), from our side."""

import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

from setpoint.workers.forker import Order, pack

ANSWER_S_MAX = 10.0
END_S_MAX = 5.0


class Forker:
    """`script`: where it lies. `runtime`: the folder below which networks are pinned.

    Started anew when it has ended. Close it, or end: it ends with us.
    """

    def __init__(self, script: Path, runtime: Path) -> None:
        self._script = script
        self._runtime = runtime
        self._start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def fork(self, order: Order) -> int:
        """The pid of a child of ours that carries out `order`. Raises OSError."""
        try:
            self._send(order)
        except (BrokenPipeError, ConnectionResetError):
            self._restart()
            self._send(order)
        try:
            return self._answer()
        except (ConnectionError, TimeoutError):
            # Perhaps it was forked, perhaps not: to ask again is the caller's decision.
            self._restart()
            raise

    def close(self) -> None:
        self._socket.close()
        try:
            self._process.wait(END_S_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _start(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(ANSWER_S_MAX)
        python = os.path.realpath(sys.executable)
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(
                [python, "-I", "-S", str(self._script), str(number), str(self._runtime)],
                cwd="/",
                stdin=subprocess.DEVNULL,
                env={},
                pass_fds=(number,),
                start_new_session=True,
            )

    def _restart(self) -> None:
        self.close()
        self._start()

    def _send(self, order: Order) -> None:
        text, fds = pack(order)
        written = os.memfd_create("setpoint", os.MFD_CLOEXEC)
        try:
            os.write(written, text)
            socket.send_fds(self._socket, [b"?"], [written, *fds])
        finally:
            os.close(written)

    def _answer(self) -> int:
        """Raises ConnectionError or TimeoutError if nobody answers, else what went wrong there."""
        answer = self._socket.recv(4)
        if not answer:
            raise ConnectionResetError("the process that forks has ended")
        pid = struct.unpack("=i", answer)[0]
        if pid < 0:
            raise OSError(-pid, os.strerror(-pid))
        return pid
