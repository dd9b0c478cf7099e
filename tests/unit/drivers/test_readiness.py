"""A function says once that it is ready, and is heard though its supervisor dies as it hears it."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from setpoint.drivers.local.readiness import SaysSo
from setpoint.drivers.local.sandbox import open_output


class Died(BaseException):
    """The supervisor does, before it has written down what it was told."""


def listening(path: Path, heard: list[str], ready: Callable[[], None]) -> SaysSo:
    says = SaysSo(path, lambda said: heard.append(f"imported {said.decode()}"), lambda _: None)
    says.watch(ready)
    return says


@pytest.mark.parametrize("words", [b"ready\n", b"imported json\nready\n"])
def test_what_was_not_written_down_is_heard_by_the_next_supervisor(tmp_path: Path, words: bytes):
    async def story() -> None:
        path, heard = tmp_path / "notify", list[str]()
        worker = open_output(path)
        os.write(worker, words)

        def dies() -> None:
            raise Died

        first = listening(path, heard, dies)
        with pytest.raises(Died):
            first._read()
        first.stop()
        heard.clear()
        listening(path, heard, lambda: heard.append("ready"))
        await asyncio.sleep(0.01)
        assert heard == words.decode().splitlines()
        third = listening(path, heard, lambda: heard.append("again"))
        await asyncio.sleep(0.01)
        assert heard == words.decode().splitlines()
        os.write(worker, b"imported more\n")
        third._read()
        assert heard[-1] == "imported more"

    asyncio.run(story())


def test_a_line_may_come_in_parts(tmp_path: Path):
    async def story() -> None:
        path, heard = tmp_path / "notify", list[str]()
        worker = open_output(path)
        listening(path, heard, lambda: heard.append("ready"))
        for part in (b"imported js", b"on\nre", b"ady\nimported more\n"):
            os.write(worker, part)
            await asyncio.sleep(0.01)
        assert heard == ["imported json", "ready", "imported more"]

    asyncio.run(story())
