"""Uploads: a file holds what its digest says, whatever happens around it."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from setpoint.drivers.local.uploads import PLACE_AGE_S_MAX, Uploads
from setpoint.model.errors import NotFound
from setpoint.model.ids import Digest

PLACE, OTHER, THIRD = ("0" * 32, "1" * 32, "2" * 32)


def test_two_uploads_at_once_into_one_place_do_not_mix(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    uploads.open_place(PLACE)
    good, evil = asyncio.run(_both(uploads))
    for digest in (good, evil):
        assert hashlib.sha256(uploads.path(digest).read_bytes()).hexdigest() == digest
    assert not list(tmp_path.glob("uploads/*.part"))


async def _both(uploads: Uploads) -> tuple[Digest, Digest]:
    """The second begins and ends while the first is half way."""
    halfway, go_on = asyncio.Event(), asyncio.Event()

    async def first() -> AsyncIterator[bytes]:
        yield b"good, "
        halfway.set()
        await go_on.wait()
        yield b"all of it"

    async def second() -> AsyncIterator[bytes]:
        yield b"evil, and longer than the other"

    slow = asyncio.create_task(uploads.receive(PLACE, first()))
    await halfway.wait()
    evil, _ = await uploads.receive(PLACE, second())
    go_on.set()
    good, _ = await slow
    return good, evil


class Machine:
    """Its clock can be set; how long it has been up cannot."""

    def __init__(self, up_s: float) -> None:
        self.up_s = up_s

    def look(self) -> float:
        return self.up_s


async def _said(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def test_a_place_lasts_a_day_whatever_the_clock_is_set_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(up_s=100.0)
    uploads = Uploads(tmp_path, up_s=machine.look)
    uploads.open_place(PLACE)
    ten_years_on = time.time() + 10 * 365 * 86400
    monkeypatch.setattr(time, "time", lambda: ten_years_on)
    machine.up_s += PLACE_AGE_S_MAX - 1
    uploads.open_place(OTHER)
    digest, _ = asyncio.run(uploads.receive(PLACE, _said(b"in time")))
    assert uploads.digest(PLACE) == digest
    machine.up_s += PLACE_AGE_S_MAX - 1
    uploads.open_place(THIRD)
    assert uploads.digest(PLACE) == digest, "it was written to within the day"
    machine.up_s += 2
    uploads.open_place("3" * 32)
    with pytest.raises(NotFound, match="older than a day"):
        uploads.digest(OTHER)


def test_a_place_of_before_the_last_boot_has_its_day_from_then_on(tmp_path: Path) -> None:
    machine = Machine(up_s=90 * 86400.0)
    uploads = Uploads(tmp_path, up_s=machine.look)
    uploads.open_place(PLACE)
    machine.up_s = 10.0
    uploads.open_place(OTHER)
    machine.up_s += PLACE_AGE_S_MAX - 1
    uploads.open_place(THIRD)
    assert uploads.digest(PLACE) is None
    machine.up_s += 2
    uploads.open_place("3" * 32)
    with pytest.raises(NotFound):
        uploads.digest(PLACE)
