"""A bell: everyone who waits for it wakes when it rings. Nobody learns why, so all look again."""

import asyncio


class Bell:
    def __init__(self) -> None:
        self._rung: asyncio.Future[None] | None = None

    def ring(self) -> None:
        if self._rung is not None and not self._rung.done():
            self._rung.set_result(None)
        self._rung = None

    def hear(self) -> "asyncio.Future[None]":
        """Done at the next ring. Take it before looking, so that no ring is missed."""
        if self._rung is None:
            self._rung = asyncio.get_running_loop().create_future()
        return self._rung
