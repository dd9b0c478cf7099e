"""Which part of a push is deployed, and which trees can be."""

import pytest

from setpoint.model.errors import Invalid, OverLimit
from setpoint.model.push import NOTHING, RefMove, TreeEntry
from setpoint.policy import pushes

NEW = "1" * 40


def move(ref: str, new: str = NEW) -> RefMove:
    return RefMove(NOTHING, new, ref)


def entry(path: bytes = b"a", mode: str = "100644", bytes_: int = 1) -> TreeEntry:
    return TreeEntry(mode, NEW, bytes_, path)


def test_main_or_master_is_deployed_and_nothing_else() -> None:
    main, other = move("refs/heads/main"), move("refs/heads/feature/main")
    assert pushes.deployed("shop", [other, main]) == main
    assert pushes.deployed("shop", [move("refs/heads/master")]) == move("refs/heads/master")
    assert pushes.deployed("shop", [other, move("refs/tags/main")]) is None
    assert "feature/main is kept" in pushes.kept_only(other)
    assert "is removed" in pushes.kept_only(move("refs/heads/x", NOTHING))


@pytest.mark.parametrize(
    ("moves", "fact"),
    [
        ([move("refs/heads/main"), move("refs/heads/master")], "at once"),
        ([move("refs/heads/main", NOTHING)], "cannot delete"),
    ],
)
def test_what_cannot_be_meant_is_refused(moves: list[RefMove], fact: str) -> None:
    with pytest.raises(Invalid, match=fact):
        pushes.deployed("shop", moves)


def test_too_many_refs_at_once_are_refused() -> None:
    many = [move(f"refs/heads/{n}") for n in range(pushes.MOVES_MAX + 1)]
    with pytest.raises(OverLimit, match="at most 1000"):
        pushes.deployed("shop", many)


@pytest.mark.parametrize(
    ("entries", "fact"),
    [
        ([], "no file"),
        ([entry(b"vendor/x", "160000", 0)], "'vendor/x' is a submodule"),
        ([entry(b"caf\xe9")], "is not UTF-8"),
        ([entry(b"l", "120000", 5000)], "longer than a path"),
        ([entry(bytes_=600 * 1024 * 1024)], "600 MiB, at most 512"),
        ([entry()] * 50_001, "50001 files, at most 50000"),
    ],
)
def test_a_tree_that_cannot_be_deployed_is_refused_before_it_is_read(
    entries: list[TreeEntry], fact: str
) -> None:
    with pytest.raises((Invalid, OverLimit), match=fact):
        pushes.check_tree("shop", entries)
