"""A builder that waits, on a loop whose clock is moved."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncGenerator, Awaitable, Callable

from setpoint.drivers.local.spare import KEPT_S, QUIET_S, Spare
from tests.support.processes import alive, running
from tests.support.waiting import PATIENCE_S, until

NO_ORDER = b"{}"
"""read whole, and refused: the builder ends at once"""


class Clocked(asyncio.SelectorEventLoop):
    ahead_s = 0.0

    def time(self) -> float:
        return super().time() + self.ahead_s


def waiting() -> list[int]:
    return running("setpoint.processes.builder", below=os.getpid())


async def seen(what: Callable[[], object]) -> None:
    """Looked for in a thread: the loop goes on meanwhile."""
    await asyncio.to_thread(until, what)


@contextlib.asynccontextmanager
async def renewed() -> AsyncGenerator[tuple[Spare, int]]:
    """(with one that waits, its process)."""
    spare = Spare(dict(os.environ))
    try:
        spare.renew()
        await pass_s(QUIET_S)
        await seen(waiting)
        yield spare, waiting()[0]
    finally:
        spare.end()


async def pass_s(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Clocked)
    loop.ahead_s += seconds


def ended(process: "subprocess.Popen[bytes]") -> int:
    return process.wait(PATIENCE_S)


def on_a_moved_clock(test: Callable[[], Awaitable[None]]) -> None:
    with asyncio.Runner(loop_factory=Clocked) as runner:
        runner.run(_awaited(test))
    assert waiting() == []


async def _awaited(test: Callable[[], Awaitable[None]]) -> None:
    await test()


def test_the_next_order_goes_to_the_one_that_waited() -> None:
    async def test() -> None:
        async with renewed() as (spare, pid):
            process = spare.build(NO_ORDER)
            assert process.pid == pid
            assert ended(process) == 1
            other = spare.build(NO_ORDER)
            assert other.pid != pid
            assert ended(other) == 1

    on_a_moved_clock(test)


def test_it_goes_where_no_order_comes_for_long() -> None:
    async def test() -> None:
        async with renewed() as (_, pid):
            await pass_s(KEPT_S)
            await seen(lambda: not alive(pid))
            assert waiting() == []

    on_a_moved_clock(test)


def test_a_build_that_ends_meanwhile_keeps_it_for_longer() -> None:
    async def test() -> None:
        async with renewed() as (spare, pid):
            await pass_s(KEPT_S - 1)
            spare.renew()
            await pass_s(QUIET_S)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await pass_s(KEPT_S - 1)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert waiting() == [pid]

    on_a_moved_clock(test)


def test_one_that_was_killed_costs_nobody_a_build() -> None:
    async def test() -> None:
        async with renewed() as (spare, pid):
            os.kill(pid, signal.SIGKILL)
            await seen(lambda: not alive(pid))
            process = spare.build(NO_ORDER)
            assert process.pid != pid
            assert ended(process) == 1

    on_a_moved_clock(test)
