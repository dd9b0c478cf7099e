"""Bytecode by content: compiled once, shared by what has the same source, and by nothing else."""

import dataclasses
import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest

from setpoint.drivers.builders import bytecode, leftovers, stack
from setpoint.drivers.builders.bytecode import Bytecode
from setpoint.drivers.builders.stack import Interpreter
from setpoint.model.ids import AppId
from tests.support.building import Yard
from tests.support.processes import alive
from tests.support.waiting import until
from tests.support.wheels import make_wheel

STACK = "debian-1-py3.11-0123456789ab"
WEB = {"Procfile": "web: python app.py\n", "app.py": "import six\n"}


@pytest.fixture
def python(yard: Yard) -> Interpreter:
    return stack.interpreter(yard.python)


@pytest.fixture
def shared(tmp_path: Path, python: Interpreter) -> Bytecode:
    return bytecode.of_packages(tmp_path / "store", STACK, python)


def tree(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def compiled(source: Path, python: Interpreter) -> Path:
    return source.parent / "__pycache__" / f"{source.stem}.{python.cache_tag}.pyc"


def entries(known: Bytecode) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for folder in known.folders for p in folder.glob("*")}


def idle(known: Bytecode) -> Bytecode:
    """The same, and it cannot compile anything."""
    return dataclasses.replace(
        known, python=msgspec.structs.replace(known.python, path="/nonexistent/python")
    )


def imported(python: Interpreter, folder: Path, code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [python.path, "-v", "-c", f"import sys; sys.path.insert(0, {str(folder)!r}); {code}"],
        capture_output=True,
        text=True,
        cwd="/",
    )


# --- once, and for everybody ---------------------------------------------------------------------


def test_the_same_source_is_compiled_once_wherever_it_lies(
    shared: Bytecode, tmp_path: Path
) -> None:
    shared.add_to(tree(tmp_path / "one", {"a.py": "A = 1\n", "b.py": "B = 2\n"}))
    two = tree(tmp_path / "two", {"pkg/renamed.py": "A = 1\n", "b.py": "B = 2\n"})
    idle(shared).add_to(two)
    first = compiled(tmp_path / "one/a.py", shared.python)
    assert compiled(two / "pkg/renamed.py", shared.python).samefile(first)
    assert len(entries(shared)) == 2


def test_of_a_tree_that_changed_only_the_change_is_compiled(
    shared: Bytecode, tmp_path: Path
) -> None:
    files = {f"m{n}.py": f"N = {n}\n" for n in range(200)}
    shared.add_to(tree(tmp_path / "one", files))
    before = entries(shared)
    shared.add_to(tree(tmp_path / "two", files | {"m7.py": "N = 'seven'\n"}))
    after = entries(shared)
    assert len(after) == len(before) + 1
    assert before.items() <= after.items()


def test_what_is_no_python_is_known_as_such_and_not_tried_again(
    shared: Bytecode, tmp_path: Path
) -> None:
    files: dict[str, str | bytes] = {"broken.py": "def (:\n", "zero.py": b"a\0b", "odd.py": b"\xff"}
    one = tree(tmp_path / "one", files)
    shared.add_to(one)
    assert not list(one.rglob("*.pyc"))
    idle(shared).add_to(tree(tmp_path / "two", files))
    done = imported(shared.python, one, "import broken")
    assert "SyntaxError" in done.stderr


def test_a_source_that_asks_for_too_much_takes_no_other_with_it(
    shared: Bytecode, tmp_path: Path
) -> None:
    deep = f"x = {'-' * 200_000}1\n"
    one = tree(tmp_path / "one", {"deep.py": deep, "good.py": "G = 1\n"})
    shared.add_to(one)
    assert [p.name.split(".")[0] for p in one.rglob("*.pyc")] == ["good"]


# --- imports -------------------------------------------------------------------------------------

NESTED = """
class Shop:
    def order(self):
        return [*map(lambda n: self.item(n), [1])]
    def item(self, n):
        def inner():
            yield from (1 / 0 for _ in range(n))
        return list(inner())
"""


def test_a_read_only_tree_is_imported_from_it_and_tracebacks_name_its_own_files(
    shared: Bytecode, tmp_path: Path
) -> None:
    """Compiled elsewhere, under another name, and moved since."""
    shared.add_to(tree(tmp_path / "elsewhere", {"other.py": NESTED}))
    draft = tree(tmp_path / "draft", {"pkg/__init__.py": "", "pkg/shop.py": NESTED})
    shared.add_to(draft)
    layer = draft.rename(tmp_path / "layer")
    for folder in (layer, layer / "pkg", layer / "pkg/__pycache__"):
        folder.chmod(0o555)
    done = imported(shared.python, layer, "import pkg.shop; pkg.shop.Shop().order()")
    for name in ("__init__", "shop"):
        file = compiled(layer / f"pkg/{name}.py", shared.python)
        assert f"code object from '{file}'" in done.stderr
    told = done.stderr[done.stderr.index("Traceback") :]
    frames = [line for line in told.splitlines() if line.startswith('  File "') and "order" in line]
    assert frames[0] == f'  File "{layer}/pkg/shop.py", line 4, in order'
    assert told.count(f'File "{layer}/pkg/shop.py"') == 5
    assert "return [*map(lambda n: self.item(n), [1])]" in told
    assert "elsewhere" not in told
    assert "<source>" not in told


def test_times_of_files_decide_nothing(shared: Bytecode, tmp_path: Path) -> None:
    one = tree(tmp_path / "one", {"mod.py": "WHO = 'compiled'\n"})
    shared.add_to(one)
    (one / "mod.py").write_text("WHO = 'read anew'\n")
    os.utime(one / "mod.py", (1, 1))
    done = imported(shared.python, one, "import mod; print(mod.WHO)")
    assert done.stdout == "compiled\n"


def test_what_is_laid_down_is_what_pythons_own_compiler_makes(
    shared: Bytecode, tmp_path: Path
) -> None:
    """But for the file's name in it, and the seal after it."""
    one = tree(tmp_path / "one", {"mod.py": NESTED})
    shared.add_to(one)
    theirs = tmp_path / "theirs.pyc"
    ask = "import py_compile, sys; py_compile.compile(*sys.argv[1:3], dfile='<source>', "
    ask += "invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)"
    subprocess.run([shared.python.path, "-c", ask, one / "mod.py", theirs], check=True)
    ours = compiled(one / "mod.py", shared.python).read_bytes()
    assert ours[: -bytecode.SEAL_BYTES] == theirs.read_bytes()


# --- whose it is ---------------------------------------------------------------------------------


def test_an_apps_own_is_taken_by_no_other_app(python: Interpreter, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shared = bytecode.of_packages(store, STACK, python)
    shared.add_to(tree(tmp_path / "layer", {"six.py": "SIX = 6\n"}))
    files = {"six.py": "SIX = 6\n", "mine.py": "SECRET = 1\n"}
    made: dict[str, Path] = {}
    for app in ("one", "two"):
        made[app] = tree(tmp_path / app, files)
        bytecode.of_app(store, STACK, python, AppId(app)).add_to(made[app])
    mine = [compiled(made[app] / "mine.py", python) for app in made]
    assert not mine[0].samefile(mine[1])
    six = [compiled(folder / "six.py", python) for folder in (tmp_path / "layer", *made.values())]
    assert six[0].samefile(six[1])
    assert six[0].samefile(six[2])
    assert len(entries(shared)) == 1


def test_the_store_is_closed_to_everybody_else(shared: Bytecode, tmp_path: Path) -> None:
    shared.add_to(tree(tmp_path / "one", {"a.py": ""}))
    assert shared.folders[0].stat().st_mode & 0o077 == 0


def forged(python: Interpreter, tmp_path: Path, source: str) -> bytes:
    """Bytecode of `source`, unchecked, so that it is believed whatever lies beside it."""
    file = tmp_path / "forged.py"
    file.write_text(source)
    ask = "import py_compile, sys; py_compile.compile(*sys.argv[1:3], "
    ask += "invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)"
    subprocess.run([python.path, "-c", ask, file, tmp_path / "forged.pyc"], check=True)
    return (tmp_path / "forged.pyc").read_bytes()


def test_a_hostile_package_cannot_poison_another_apps_bytecode(
    yard: Yard, python: Interpreter, tmp_path: Path
) -> None:
    """It brings a module that others have, with bytecode that says something else."""
    name = f"__pycache__/six.{python.cache_tag}.pyc"
    evil = forged(python, tmp_path, "WHO = 'evil'\n")
    honest = "WHO = 'honest'\n"
    wheels = tmp_path / "wheels"
    make_wheel(wheels, "setpoint_test_honest", {"six.py": honest})
    make_wheel(wheels, "setpoint_test_evil", {"six.py": honest, name: evil})
    built = {}
    for package in ("evil", "honest"):
        files = {**WEB, "requirements.txt": f"setpoint-test-{package}\n"}
        built[package] = yard.deps(yard.build(files, UV_FIND_LINKS=str(wheels)))
    for layer in built.values():
        (site,) = layer.glob("lib/python*/site-packages")
        ask = "import six; print(six.WHO, six.__cached__)"
        done = subprocess.run(
            [layer / "bin/python", "-c", ask], capture_output=True, text=True, check=True
        )
        assert done.stdout == f"honest {site / name}\n"
    assert evil not in [p.read_bytes() for p in yard.bytecode.rglob("*") if p.is_file()]


def test_bytecode_that_a_package_brought_is_replaced_and_never_written_through(
    shared: Bytecode, tmp_path: Path
) -> None:
    """uv's cache and the layer are two names of one file."""
    one = tree(tmp_path / "one", {"mod.py": "WHO = 'source'\n"})
    cached = tmp_path / "cached.pyc"
    cached.write_bytes(b"as it was fetched")
    target = compiled(one / "mod.py", shared.python)
    target.parent.mkdir()
    os.link(cached, target)
    shared.add_to(one)
    assert cached.read_bytes() == b"as it was fetched"
    assert imported(shared.python, one, "import mod; print(mod.WHO)").stdout == "source\n"


# --- damage and odd places -----------------------------------------------------------------------


def _cut(entry: Path, _: Path) -> bytes:
    return entry.read_bytes()[:-1]


def _empty(_entry: Path, _other: Path) -> bytes:
    return b""


def _blank(entry: Path, _: Path) -> bytes:
    return entry.read_bytes()[:40] + bytes(entry.stat().st_size - 40)


def _anothers(_: Path, other: Path) -> bytes:
    return other.read_bytes()


@pytest.mark.parametrize("damage", [_cut, _empty, _blank, _anothers])
def test_an_entry_that_is_not_whole_is_noticed_and_made_anew(
    shared: Bytecode, tmp_path: Path, damage
) -> None:
    files = {"mod.py": "WHO = 'mod'\n", "other.py": "WHO = 'other'\n"}
    shared.add_to(tree(tmp_path / "one", files))
    whole = entries(shared)
    store = {p.read_bytes(): p for p in shared.folders[0].iterdir()}
    entry, other = (
        store[compiled(tmp_path / "one" / name, shared.python).read_bytes()] for name in files
    )
    bad = damage(entry, other)
    entry.unlink()
    entry.write_bytes(bad)
    two = tree(tmp_path / "two", files)
    shared.add_to(two)
    assert entries(shared) == whole
    done = imported(shared.python, two, "import mod, other; print(mod.WHO, other.WHO)")
    assert done.stdout == "mod other\n"


@pytest.mark.parametrize("refusal", [errno.EXDEV, errno.EMLINK, errno.EPERM])
def test_where_links_are_refused_it_is_copied(
    shared: Bytecode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    def refused(*_: object) -> None:
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr(os, "link", refused)
    one, two = (tree(tmp_path / name, {"mod.py": "WHO = 'copy'\n"}) for name in ("one", "two"))
    shared.add_to(one)
    idle(shared).add_to(two)
    assert compiled(two / "mod.py", shared.python).stat().st_nlink == 1
    assert imported(shared.python, two, "import mod; print(mod.WHO)").stdout == "copy\n"


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    folder = Path("/dev/shm") / f"setpoint-{os.getpid()}-{tmp_path.name[:40]}"
    folder.mkdir()
    try:
        if folder.stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("temporary files lie on the same disk as /dev/shm")
        yield folder
    finally:
        shutil.rmtree(folder)


def test_a_store_on_another_disk_serves_as_well(
    python: Interpreter, other_disk: Path, tmp_path: Path
) -> None:
    shared = bytecode.of_packages(other_disk, STACK, python)
    for name in ("one", "two"):
        folder = tree(tmp_path / name, {"mod.py": "WHO = 'there'\n"})
        shared.add_to(folder)
        assert imported(python, folder, "import mod; print(mod.WHO)").stdout == "there\n"


def test_odd_trees_keep_what_stands_in_the_way(shared: Bytecode, tmp_path: Path) -> None:
    one = tree(
        tmp_path / "one",
        {"file/a.py": "", "file/__pycache__": "x", "link/b.py": "", "place/c.py": "", "away/d": ""},
    )
    (one / "link/__pycache__").symlink_to("../away")
    (one / "folder.py").mkdir()
    (one / "dangling.py").symlink_to("nowhere")
    os.mkfifo(one / "pipe.py")
    compiled(one / "place/c.py", shared.python).mkdir(parents=True)
    shared.add_to(one)
    assert (one / "file/__pycache__").read_text() == "x"
    assert [p.name for p in (one / "away").iterdir()] == ["d"]
    assert compiled(one / "place/c.py", shared.python).is_dir()


# --- the builder dies ----------------------------------------------------------------------------

COMPILES_LONG = """
import sys
from pathlib import Path
from setpoint.drivers.builders import bytecode, stack
root, python = Path(sys.argv[1]), stack.interpreter(sys.argv[2])
bytecode.of_packages(root / "cache/bytecode", "stack", python).add_to(root / "tree")
"""


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGINT])
def test_compilers_end_with_the_builder_and_leave_nothing_that_counts(
    python: Interpreter, tmp_path: Path, way: signal.Signals
) -> None:
    tree(tmp_path / "tree", {f"long{n}.py": f"# {n}\n" + "x(1)\n" * 40_000 for n in range(300)})
    folder = tmp_path / "cache/bytecode/stack/packages"
    with subprocess.Popen(
        [sys.executable, "-c", COMPILES_LONG, str(tmp_path), python.path],
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            until(lambda: list(folder.glob("*/*")), what="something was compiled")
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            compilers = children.read_text().split()
            assert compilers
        finally:
            process.send_signal(way)
    until(lambda: not any(alive(int(pid)) for pid in compilers), what="compilers have ended")
    assert [p for p in folder.iterdir() if not p.name.startswith(bytecode.SCRATCH)] == []
    leftovers.clear(tmp_path / "layers", tmp_path / "cache")
    assert list(folder.iterdir()) == []


# --- layers --------------------------------------------------------------------------------------


def test_a_layer_with_one_package_more_compiles_that_one_alone(yard: Yard) -> None:
    yard.build({**WEB, "requirements.txt": "six\n"})
    before = {p for p in yard.bytecode.rglob("*") if p.is_file()}
    layer = yard.deps(yard.build({**WEB, "requirements.txt": "six\nidna\n"}))
    made = {p for p in yard.bytecode.rglob("*") if p.is_file()} - before
    (packages,) = layer.glob("lib/python*/site-packages")
    idna = {p.stat().st_ino for p in (packages / "idna").rglob("*.pyc")}
    assert idna
    assert {p.stat().st_ino for p in made} == idna


def test_a_changed_file_of_the_code_is_compiled_and_the_rest_is_known(yard: Yard) -> None:
    yard.build({**WEB, "lib/one.py": "ONE = 1\n", "lib/two.py": "TWO = 2\n"})
    before = {p for p in yard.bytecode.rglob("*") if p.is_file()}
    yard.build({**WEB, "lib/one.py": "ONE = 1\n", "lib/two.py": "TWO = 'two'\n"})
    after = {p for p in yard.bytecode.rglob("*") if p.is_file()}
    assert len(after - before) == 1


def test_a_layer_is_whole_though_its_store_was_thrown_away(yard: Yard) -> None:
    files = {**WEB, "requirements.txt": "six\n"}
    first = yard.build(files)
    shutil.rmtree(yard.bytecode)
    shutil.rmtree(yard.deps(first))
    assert yard.build(files) == first
    assert list(yard.deps(first).rglob("six.*.pyc"))
