"""One whole edge per module, in one event loop; modules that break it make their own."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from tests.integration.edge.world import World, a_world

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture(scope="module")
def world(run: Run) -> Iterator[World]:
    made = a_world()
    found: list[World] = []

    async def enter() -> None:
        found.append(await made.__aenter__())

    async def leave() -> None:
        await made.__aexit__(None, None, None)

    run(enter())
    yield found[0]
    run(leave())
