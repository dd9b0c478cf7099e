"""Uploads: a file holds what its digest says, whatever happens around it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

from setpoint.drivers.local.uploads import Uploads
from setpoint.model.ids import Digest

PLACE = "0" * 32


def test_two_uploads_at_once_into_one_place_do_not_mix(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    uploads.open_place(PLACE, 0.0)
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
