"""Sources on a disk that has no room left, through the real doors."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.plane import Answer, Plane

INODES = 40


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Plane]:
    """Its sources lie on a file system of 1 MiB and 40 files."""
    if os.geteuid() != 0:
        pytest.skip("a file system of its own can be made by root only")
    with Plane(tmp_path) as running:
        size = f"size=1m,nr_inodes={INODES}"
        where = running.paths.sources
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", where], check=True)
        try:
            yield running
        finally:
            subprocess.run(["umount", "-l", where], check=True)


def fill(folder: Path) -> list[Path]:
    """With files, until there can be no more."""
    made: list[Path] = []
    for n in range(INODES + 1):
        try:
            (folder / f"ballast{n}").touch()
        except OSError:
            return made
        made.append(folder / f"ballast{n}")
    raise AssertionError("it takes any number of files")


def assert_told(answer: Answer) -> None:
    assert (answer.status, answer.json["id"]) == (503, "store_unavailable")
    told = "cannot take the source: the disk is full\nfree some space, then retry"
    assert answer.json["message"] == told


@pytest.mark.parametrize("before", [0, 1], ids=["the first place", "one more place"])
def test_a_place_that_cannot_be_made_is_told_and_made_once_there_is_room(
    plane: Plane, before: int
) -> None:
    for _ in range(before):
        assert plane.send("POST", "/sources").status == 201
    ballast = fill(plane.paths.sources)
    assert_told(plane.send("POST", "/sources"))
    ballast.pop().unlink()
    ballast.pop().unlink()
    assert plane.send("POST", "/sources").status == 201


def test_an_upload_for_which_there_is_no_room_is_told_and_leaves_nothing(plane: Plane) -> None:
    url = plane.send("POST", "/sources").json["source_blob"]["put_url"]
    path = url.removeprefix("http://localhost")
    ballast = plane.paths.sources / "ballast"
    ballast.write_bytes(b"x" * (1024 * 1024 - 16 * 1024))
    assert_told(plane.send("PUT", path, raw=b"x" * 60_000, token=None))
    assert {p.name for p in plane.paths.sources.iterdir()} == {"uploads", "ballast"}
    assert [p.stat().st_size for p in (plane.paths.sources / "uploads").iterdir()] == [0]
    ballast.unlink()
    assert plane.send("PUT", path, raw=b"x" * 60_000, token=None).status == 200
