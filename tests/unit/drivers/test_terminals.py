"""Nobody at a terminal loses a byte, and nobody's absence costs more memory than a window."""

import asyncio
import contextlib
import os
from pathlib import Path

import pytest

from setpoint.drivers.local.sitting import LocalAttachment
from setpoint.drivers.local.terminals import Held, JobTerminal, converse
from setpoint.formats import terminal
from setpoint.formats.terminal import WINDOW_BYTES, Frame, Kind
from setpoint.model.errors import Terminal


def test_what_was_not_taken_is_there_for_whoever_comes_back():
    held = Held()
    held.put(b"hello world")
    assert held.since(0) == b"hello world"
    held.taken(6)
    assert held.resume(6) == 6
    assert held.since(6) == b"world"
    assert held.since(11) == b""
    held.taken(99)
    assert held.since(6) == b"world", "nobody takes what was never sent"


def test_after_another_supervisor_whoever_comes_says_how_far_it_is():
    held = Held(None)
    held.put(b"more")
    assert held.resume(500) == 500
    assert held.since(500) == b"more"


def test_a_job_that_nobody_reads_waits_and_is_kept_within_a_window():
    async def story() -> None:
        out_read, out_write = os.pipe()
        os.set_blocking(out_write, False)
        side = JobTerminal(None, out_read, False, lambda _: None, lambda _: None, lambda: None)
        written = 0
        for _ in range(200):
            try:
                while True:
                    written += os.write(out_write, b"x" * 4096)
            except BlockingIOError:
                await asyncio.sleep(0)
        assert written < WINDOW_BYTES + 200_000
        assert side.held.full
        side.taken(WINDOW_BYTES)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert os.write(out_write, b"y") == 1
        os.close(out_write)
        side.close()

    asyncio.run(story())


def test_what_is_said_after_everybody_left_goes_to_the_log():
    async def story() -> None:
        out_read, out_write = os.pipe()
        lines: list[str] = []
        side = JobTerminal(None, out_read, False, lambda _: None, lines.extend, lambda: None)
        os.write(out_write, b"before\n")
        await asyncio.sleep(0.01)
        side.leave()
        os.write(out_write, b"after\nand")
        os.close(out_write)
        side.close()
        assert lines == ["before", "after", "and"]

    asyncio.run(story())


def test_a_second_visitor_is_refused_and_may_come_when_the_first_has_gone():
    async def story() -> None:
        out_read, out_write = os.pipe()
        came: list[bool] = []
        side = JobTerminal(None, out_read, False, came.append, lambda _: None, lambda: None)
        side.check_free()
        side.come()
        with pytest.raises(Terminal, match="somebody is attached"):
            side.check_free()
        side.go()
        side.check_free()
        assert came == [True, False]
        os.close(out_write)
        side.close()

    asyncio.run(story())


def test_nobody_who_still_types_when_the_job_ends_misses_what_it_said(tmp_path: Path):
    """As with a command that ends at once, its input closed a moment later."""

    async def story() -> None:
        out_read, out_write = os.pipe()
        side = JobTerminal(None, out_read, False, lambda _: None, lambda _: None, lambda: None)
        os.write(out_write, b"hi")
        os.close(out_write)
        side.close()
        side.told_end(0, "")

        async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, EOFError):
                await converse(side, 0, reader, writer)
            writer.close()

        async with await asyncio.start_unix_server(visit, tmp_path / "s"):
            line = LocalAttachment(0, 0, *await asyncio.open_unix_connection(tmp_path / "s"))
            said = [await line.receive()]
            for _ in range(20):  # what is typed while the end is under way
                await line.send(Frame(Kind.INPUT, b"x"))
                await asyncio.sleep(0)
            while said[-1].kind is not Kind.END:
                said.append(await line.receive())
            await line.close()
        assert [frame.payload for frame in said if frame.kind is Kind.OUTPUT] == [b"hi"]

    asyncio.run(story())


def test_frames_keep_their_bounds():
    frame = Frame(Kind.INPUT, b"abc")
    raw = terminal.encode(frame)
    assert terminal.head(raw[: terminal.HEAD_BYTES]) == (Kind.INPUT, 3)
    with pytest.raises(ValueError, match="a frame of"):
        terminal.head(b"I\xff\xff\xff\xff")
    with pytest.raises(ValueError, match="not a valid Kind"):
        terminal.head(b"?\0\0\0\0")
    with pytest.raises(ValueError, match="no count"):
        terminal.count(b"-1")
    assert terminal.size(terminal.resize(0, 99_999).payload) == (terminal.Size(1, 1000))
    assert terminal.ended(terminal.end(None, "was lost").payload).code is None
    for broken in (b"", b"{}", b"[1]"):
        with pytest.raises(ValueError):
            terminal.size(broken)
        with pytest.raises(ValueError):
            terminal.ended(broken)
