"""Tells those who wait, in whichever event loop, that something was written."""

import asyncio
import threading
from contextlib import suppress


class Bell:
    """Rung by the thread that writes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[asyncio.Future[None]] = []

    def next(self) -> asyncio.Future[None]:
        """Done at the next ring. Taken before one looks, so that no ring falls in between."""
        future = asyncio.get_running_loop().create_future()
        with self._lock:
            self._waiting.append(future)
        return future

    def ring(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for future in waiting:
            with suppress(RuntimeError):  # that loop is closed: nobody waits any more
                future.get_loop().call_soon_threadsafe(_wake, future)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
