"""What a build made on its way out of a sandbox: from a pipe to a file, up to a bound."""

import asyncio
import os
from collections.abc import Callable

CHUNK_BYTES = 256 * 1024
"""Per turn of the event loop."""


class Outlet:
    """Owns `to`, a file. `too_much` is called once, when more than `bytes_max` came."""

    def __init__(self, to: int, bytes_max: int, too_much: Callable[[], None]) -> None:
        self.entry: int
        """the end for the sandbox; the caller closes it"""
        self.exceeded = False
        self._exit, self.entry = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._exit, False)
        self._to = to
        self._left = bytes_max
        self._too_much = too_much
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._exit, self._move)

    def close(self) -> None:
        """Nothing more can come: take what is left in the pipe."""
        self._loop.remove_reader(self._exit)
        while self._move():
            pass
        os.close(self._exit)
        os.close(self._to)

    def _move(self) -> bool:
        try:
            chunk = os.read(self._exit, CHUNK_BYTES)
        except BlockingIOError:
            return False
        if not chunk:
            self._loop.remove_reader(self._exit)
            return False
        self._left -= len(chunk)
        if self._left >= 0:
            _write(self._to, chunk)
        elif not self.exceeded:
            self.exceeded = True
            self._too_much()
        return not self.exceeded


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
