"""Clients that call without pause and count every kind of answer."""

import asyncio
from collections import Counter

from tests.integration.edge.caller import read_head
from tests.integration.edge.world import World, until

CLIENTS = 8


class Load:
    """Half of them keep their connection, half open one per request."""

    def __init__(self, world: World, host: str) -> None:
        self._world, self._host = world, host
        self.seen: Counter[str] = Counter()
        self._tasks = [
            asyncio.create_task(self._keeping() if n % 2 else self._fresh()) for n in range(CLIENTS)
        ]

    async def _fresh(self) -> None:
        while True:
            try:
                answer = await self._world.get(self._host)
                self.seen[f"{answer.status} {answer.code if answer.status != 200 else ''}"] += 1
            except (OSError, EOFError) as error:
                self.seen[repr(error)] += 1

    async def _keeping(self) -> None:
        """A connection that the edge announced to close, or closed between two requests, is no
        error: any client opens the next one."""
        while True:
            try:
                await self._one_connection()
            except (OSError, EOFError) as error:
                self.seen[f"kept: {error!r}"] += 1

    async def _one_connection(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._world.port)
        try:
            while not reader.at_eof():
                writer.write(f"GET / HTTP/1.1\r\nhost: {self._host}\r\n\r\n".encode())
                status, headers = await read_head(reader)
                await reader.readexactly(int(headers["content-length"]))
                self.seen[f"{status} "] += 1
                if headers.get("connection") == "close":
                    return
        finally:
            writer.close()

    async def more(self, count: int) -> None:
        goal = self.seen.total() + count
        await until(lambda: self.seen.total() >= goal, f"{count} more answers")

    async def end(self) -> Counter[str]:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return self.seen
