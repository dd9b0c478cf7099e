"""Looking at and removing what builds left: real trees, real builders beside, hostile links."""

import contextlib
import dataclasses
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import uv as uv_package

from setpoint.drivers.builders import bytecode, collector, leftovers, stack, uv
from setpoint.drivers.builders.collector import Yard
from setpoint.drivers.builders.layers import Layers
from setpoint.model.ids import AppId, BuildId, Digest
from setpoint.model.release import Build, Slug
from setpoint.model.retention import BUSY, Clearance, Cleared, Kind, Removal
from tests.support.building import Yard as Workyard

AGE_S = 7200.0
A, B = Digest("a" * 64), Digest("b" * 64)
SOME = 1 << 40
"""bytes: a bound that nothing here reaches"""


@pytest.fixture
def here(tmp_path: Path) -> Yard:
    yard = Yard(*(tmp_path / name for name in ("layers", "builds", "sources", "cache")))
    for folder in (yard.layers / "code", yard.layers / "deps", yard.builds, yard.sources):
        folder.mkdir(parents=True)
    return yard


AsOwner = Callable[[Path, Callable[[], None]], None]
NOBODY = 65534


@pytest.fixture
def as_owner(tmp_path: Path) -> AsOwner:
    """Does something in a tree, as the one it belongs to; root, who may do all, gives it away
    before."""

    def did(tree: Path, work: Callable[[], None]) -> None:
        if os.geteuid():
            with contextlib.chdir(tree):
                work()
            return
        for path in (tree, *tree.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        pid = os.fork()
        if pid == 0:
            os.chdir(tree)  # the folders above are closed to others
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            work()
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

    return did


def aged(path: Path, age_s: float = AGE_S) -> Path:
    then_s = time.time() - age_s
    os.utime(path, (then_s, then_s), follow_symlinks=False)
    return path


def layer(yard: Yard, digest: str, kind: str = "code", age_s: float = AGE_S) -> Path:
    folder = yard.layers / kind / digest
    folder.mkdir()
    (folder / "main.py").write_bytes(b"x" * 10_000)
    return aged(folder, age_s)


def removal(name: str, kind: Kind = "code") -> Removal:
    return Removal(kind, name, 1, "nobody needs it")


def clear(yard: Yard, *removals: Removal, cache_bytes_max: int = SOME) -> Cleared:
    fd = uv.open_uv(uv_package.find_uv_bin())
    try:
        tool = uv.Uv(fd, uv.environment({}, yard.cache / "uv"))
        wanted = Clearance(removals, time.time() - 3600.0, cache_bytes_max)
        return collector.clear(yard, wanted, tool)
    finally:
        os.close(fd)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- looking -------------------------------------------------------------------------------------


def test_a_look_names_layers_sources_and_builds_with_size_and_age(here: Yard) -> None:
    layer(here, A)
    layer(here, B, "deps")
    (here.sources / f"{A}.tar.gz").write_bytes(b"z")
    slug = Slug(A, (), "stack", "/py")
    build = Build(BuildId("c0ffee"), AppId("app-1"), B, "succeeded", slug=slug)
    (here.builds / "c0ffee.json").write_bytes(msgspec.json.encode(build))
    (here.builds / "c0ffee.log").write_text("built")
    seen = collector.look(here).things
    assert {(t.kind, t.name) for t in seen} == {
        ("code", A), ("deps", B), ("source", A), ("build", "c0ffee"),
    }  # fmt: skip
    found = next(t for t in seen if t.kind == "build")
    assert (found.app, found.source, found.layers) == ("app-1", B, (A,))
    assert all(t.bytes >= 4096 or t.kind in ("source", "build") for t in seen)
    assert abs(time.time() - AGE_S - next(t for t in seen if t.name == A).at_s) < 60


def test_what_is_not_ours_is_neither_named_nor_weighed(here: Yard) -> None:
    for name in ("README", ".new-b1", ".gone-x", "A" * 64, f"{A}.bak"):
        (here.layers / "code" / name).mkdir()
    (here.builds / ".c0ffee.json.17").write_text("half")
    (here.sources / "uploads").mkdir()
    assert collector.look(here).things == ()


def test_a_result_that_cannot_be_read_is_a_build_of_nobody(here: Yard) -> None:
    (here.builds / "c0ffee.json").write_text("{")
    (only,) = collector.look(here).things
    assert only.app == ""
    assert only.layers == ()


def test_a_file_in_two_layers_counts_once_in_the_sum(here: Yard) -> None:
    first, second = layer(here, A), layer(here, B)
    (first / "big").write_bytes(b"x" * 1_000_000)
    os.link(first / "big", second / "big")
    sizes = [t.bytes for t in collector.look(here).things]
    assert 1_000_000 < sum(sizes) < 1_100_000
    assert abs(sizes[0] - sizes[1]) < 10


# --- removing ------------------------------------------------------------------------------------


def test_what_is_named_goes_and_all_else_stays(here: Yard) -> None:
    layer(here, A)
    layer(here, B)
    layer(here, A, "deps")
    assert clear(here, removal(A)).gone == (removal(A),)
    assert names(here.layers / "code") == [B]
    assert names(here.layers / "deps") == [A]
    assert clear(here, removal(A)).gone == (removal(A),), "twice is nothing"


def test_a_layer_that_was_used_since_it_was_decided_stays(here: Yard) -> None:
    layer(here, A)
    assert Layers(here.layers / "code", "b1").has(A)
    assert clear(here, removal(A)).gone == ()
    assert names(here.layers / "code") == [A]


def test_a_layer_is_young_whatever_age_an_archive_gave_it(here: Yard) -> None:
    finished = here.layers / "code" / ".new-b1"
    finished.mkdir()
    aged(finished, 40 * 365 * 86400.0)
    Layers(here.layers / "code", "b1").put(finished, A)
    assert clear(here, removal(A)).gone == ()


def test_beside_a_builder_no_layer_goes_and_that_is_said(here: Yard) -> None:
    layer(here, A)
    with leftovers.cleared(here.layers, here.cache):
        assert clear(here, removal(A)) == Cleared((), 0, BUSY)
    assert names(here.layers / "code") == [A]
    assert clear(here, removal(A)).gone == (removal(A),)


def test_a_builder_that_begins_meanwhile_waits_no_longer_than_for_renames(here: Yard) -> None:
    layer(here, A)
    with leftovers.alone(here.layers) as alone:
        assert alone
        fd = os.open(here.layers / leftovers.LOCK, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.close(fd)
    assert clear(here, removal(A)).left == ""


def test_links_inside_a_layer_are_removed_and_never_followed(here: Yard, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    (precious / "deep").mkdir(parents=True)
    (precious / "file").write_text("keep me")
    precious.chmod(0o750)
    (precious / "deep").chmod(0o550)
    bad = layer(here, A)
    (bad / "to-folder").symlink_to(precious)
    (bad / "to-file").symlink_to(precious / "file")
    (bad / "inner").mkdir()
    (bad / "inner/up").symlink_to("../../../../precious/deep")
    (bad / "loop").symlink_to(".")
    aged(bad)
    clear(here, removal(A))
    assert names(here.layers / "code") == []
    assert (precious / "file").read_text() == "keep me"
    assert precious.stat().st_mode & 0o777 == 0o750
    assert (precious / "deep").stat().st_mode & 0o777 == 0o550


def test_a_link_in_the_place_of_a_layer_goes_alone(here: Yard, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep me")
    link = here.layers / "code" / A
    link.symlink_to(precious)
    aged(link)
    clear(here, removal(A))
    assert not os.path.lexists(link)
    assert (precious / "file").read_text() == "keep me"


@pytest.mark.parametrize("name", ["..", ".", "", "../../precious", "a" * 65, f"{A}/x", ".gone-x"])
def test_a_name_that_is_no_digest_removes_nothing(here: Yard, tmp_path: Path, name: str) -> None:
    (tmp_path / "precious").mkdir()
    layer(here, A)
    for kind in ("code", "deps", "build", "source"):
        assert clear(here, removal(name, kind)).gone == ()
    assert (tmp_path / "precious").exists()
    assert names(here.layers / "code") == [A]


def test_a_layer_that_its_maker_closed_goes_too(here: Yard, as_owner: AsOwner) -> None:
    closed = layer(here, A)
    (closed / "inner/deep").mkdir(parents=True)
    (closed / "inner/deep/file").write_text("x")
    for folder in (closed / "inner/deep", closed / "inner", closed):
        folder.chmod(0o555)
    as_owner(here.layers, lambda: collector.remove(Path("code") / A))
    assert names(here.layers / "code") == []


def test_output_and_result_of_a_build_go_together_if_both_are_old(here: Yard) -> None:
    for id in ("c0ffee", "decade"):
        for end in ("json", "log"):
            path = here.builds / f"{id}.{end}"
            path.write_text("{}")
            aged(path)
    aged(here.builds / "decade.log", 5.0)
    gone = clear(here, removal("c0ffee", "build"), removal("decade", "build")).gone
    assert gone == (removal("c0ffee", "build"),)
    assert names(here.builds) == ["decade.json", "decade.log"]


KILLED = """
import os, signal, sys, time
from pathlib import Path
from setpoint.drivers.builders import collector
from setpoint.drivers.builders.collector import Yard
from setpoint.model.retention import Clearance, Removal
root = Path(sys.argv[1])
yard = Yard(root / "layers", root / "builds", root / "sources", root / "cache")
removed = []
def one_then_die(path):
    if removed:
        os.kill(os.getpid(), signal.SIGKILL)
    removed.append(path)
    next(path.rglob("main.py")).unlink()
collector.remove = one_then_die
removals = tuple(Removal("code", name, 1, "") for name in sys.argv[2:])
collector.clear(yard, Clearance(removals, time.time() - 3600.0, 1 << 40), None)
"""


def test_killed_in_the_middle_it_leaves_whole_layers_and_garbage_that_goes_the_next_time(
    here: Yard,
) -> None:
    digests = [f"{n:064x}" for n in range(6)]
    for digest in digests:
        layer(here, digest)
    root = here.layers.parent
    done = subprocess.run([sys.executable, "-c", KILLED, str(root), *digests[:4]], timeout=60)
    assert done.returncode == -signal.SIGKILL
    left = names(here.layers / "code")
    assert [n for n in left if not n.startswith(".")] == digests[4:]
    assert all((here.layers / "code" / n / "main.py").exists() for n in digests[4:])
    assert any(n.startswith(collector.GONE) for n in left)
    clear(here)
    assert names(here.layers / "code") == digests[4:]


# --- caches --------------------------------------------------------------------------------------


def test_npms_cache_is_trimmed_to_its_bound_oldest_first(here: Yard) -> None:
    content = here.cache / "npm/_cacache/content-v2/sha512/aa"
    content.mkdir(parents=True)
    for n in range(10):
        (content / f"{n}").write_bytes(b"x" * 100_000)
        aged(content / f"{n}", 1000.0 - n)
    freed = clear(here, cache_bytes_max=450_000).cache_bytes
    assert names(content) == ["6", "7", "8", "9"]
    assert freed >= 600_000


def test_bytecode_that_was_used_longest_ago_goes_first_and_layers_keep_theirs(
    here: Yard, tmp_path: Path, yard: Workyard
) -> None:
    store = here.cache / "bytecode"
    known = bytecode.of_packages(store, "stack", stack.interpreter(yard.python))
    trees = [tmp_path / f"tree{n}" for n in range(6)]
    for n, folder in enumerate(trees):
        folder.mkdir()
        (folder / "mod.py").write_text(f"N = '{n}{'x' * 100_000}'\n")
        known.add_to(folder)
    for n, entry in enumerate(sorted(store.rglob("[0-9a-f]*"), key=lambda p: p.stat().st_ctime_ns)):
        aged(entry, 1000.0 - n)
    known.add_to(trees[0])
    assert collector.look(here).cache_bytes["bytecode"] == collector.weight(store) > 300_000
    freed = clear(here, cache_bytes_max=collector.weight(store) // 2).cache_bytes
    assert freed >= 150_000
    left = {p.stat().st_ino for p in store.rglob("[0-9a-f]*")}
    assert [_compiled(t).stat().st_ino in left for t in trees] == [
        *(True, False, False, False, True, True),
    ]  # fmt: skip


def _compiled(folder: Path) -> Path:
    return next(folder.rglob("*.pyc"))


def test_uvs_cache_is_trimmed_with_its_own_words_and_stays_usable(
    here: Yard, tmp_path: Path, yard: Workyard
) -> None:
    files = {"Procfile": "web: python main.py", "main.py": "", "requirements.txt": "six\nidna\n"}
    building = dataclasses.replace(yard, cache=here.cache / "uv", folder=tmp_path / "yard")
    building.folder.mkdir()
    first = building.build(files)
    shutil.rmtree(building.layers)  # or its hard links would share what the cache holds
    before = collector.weight(here.cache / "uv")
    clear(here, cache_bytes_max=before // 2)
    assert collector.weight(here.cache / "uv") <= before // 2
    assert building.build(files) == first
    shutil.rmtree(building.layers)
    clear(here, cache_bytes_max=0)
    assert collector.weight(here.cache / "uv") < 50_000
    assert building.build(files) == first


def test_a_cache_within_its_bound_is_left_alone(here: Yard) -> None:
    content = here.cache / "npm/_cacache/content-v2"
    content.mkdir(parents=True)
    (content / "one").write_bytes(b"x" * 1000)
    assert clear(here, cache_bytes_max=10_000).cache_bytes == 0
    assert names(content) == ["one"]
