"""Source packages as data: read without running them, and what comes back from building them."""

import io
import zipfile
from pathlib import Path

import pytest

from setpoint.drivers.builders import from_source, layers, leftovers, room, sdists
from setpoint.drivers.builders.archive import MIB
from setpoint.drivers.builders.errors import CannotBuild, NeedsRunStage
from setpoint.drivers.builders.locks import Lock
from setpoint.drivers.builders.sources import Source, Sources
from setpoint.formats import handover
from setpoint.formats.handover import Ending, Package
from setpoint.model.ids import AppId, Digest
from tests.support.building import Yard
from tests.support.index import served, tar_gz

WEB = {"Procfile": "web: python app.py\n", "app.py": ""}
PACKAGE = Package("thing", "1.0", Digest("a" * 64), Digest("b" * 64))


def declared(tmp_path: Path, files: dict[str, str]) -> sdists.Declared:
    sdist = tmp_path / "thing.tar.gz"
    sdist.write_bytes(tar_gz({f"thing-1.0/{name}": text for name, text in files.items()}))
    return sdists.read(sdist, "thing 1.0")


def tools(found: sdists.Declared) -> list[str]:
    return [r.line for r in found.tools.wanted]


# --- what an sdist says ------------------------------------------------------------------------


def test_metadata_is_read_from_the_package(tmp_path: Path) -> None:
    metadata = (
        "Metadata-Version: 2.1\nName: thing\nRequires-Python: >=3.8\nProvides-Extra: fast\n"
        "Requires-Dist: six\nRequires-Dist: orjson;\n extra == 'fast'\n\nRequires-Dist: no\n"
    )
    pyproject = '[build-system]\nrequires = ["hatchling>=1"]\nbuild-backend = "hatchling.build"\n'
    found = declared(tmp_path, {"PKG-INFO": metadata, "pyproject.toml": pyproject})
    assert found.needs == ("six", "orjson; extra == 'fast'")
    assert (found.extras, found.python, tools(found)) == (("fast",), ">=3.8", ["hatchling>=1"])


def test_where_metadata_is_silent_what_setuptools_wrote_counts(tmp_path: Path) -> None:
    requires = 'six\n\n[fast]\norjson>1\n\n[:python_version<"3"]\nenum34\n\n[a:os_name=="nt"]\nx\n'
    found = declared(tmp_path, {"thing.egg-info/requires.txt": requires, "setup.py": "1/0"})
    assert found.needs == (
        "six",
        'orjson>1 ; extra == "fast"',
        'enum34 ; (python_version<"3")',
        'x ; extra == "a" and (os_name=="nt")',
    )
    assert tools(found) == ["setuptools>=40.8.0", "wheel"]


@pytest.mark.parametrize(
    ("pyproject", "words"),
    [
        ("[build-system", "its pyproject.toml is broken"),
        ("build-system = 1", "its pyproject.toml is broken"),
        ('[build-system]\nrequires = ["x @ https://evil.example/x.whl"]', "a direct address"),
        ('[build-system]\nrequires = ["--index-url https://evil.example"]', "operator's choice"),
        ('[build-system]\nrequires = ["-r /etc/passwd"]', "lies outside the source"),
    ],
)
def test_what_a_build_may_ask_for_is_screened(tmp_path: Path, pyproject: str, words: str) -> None:
    with pytest.raises(CannotBuild, match=words):
        declared(tmp_path, {"pyproject.toml": pyproject})


def test_sdist_that_is_a_bomb_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotBuild, match="grows more than 200-fold"):
        declared(tmp_path, {"zeroes": "0" * (64 * MIB)})


# --- resolving without running -----------------------------------------------------------------


def test_versions_are_chosen_without_running_a_line(yard: Yard) -> None:
    """Two are too new for what the other package needs; its need is known from its metadata."""
    with served() as index:
        trace = yard.folder / "it-ran"
        for version in ("1.0", "2.0", "3.0"):
            index.publish("sppart", version, body=f"open({str(trace)!r}, 'w')")
        index.publish("spwhole", needs=("sppart<2",))
        with pytest.raises(NeedsRunStage) as needed:
            yard.build({**WEB, "requirements.txt": "spwhole\n"}, UV_INDEX=index.url)
    labels = [p.label for p in needed.value.needs]
    assert sorted(labels) == ["sppart 1.0", "spwhole 1.0"]
    assert not trace.exists()
    assert not [p for p in yard.cache.rglob("*sppart*") if p.suffix != ".rkyv"]


def test_lock_is_known_afterwards_and_tells_no_password(yard: Yard) -> None:
    with served() as index:
        index.publish("spsecret")
        url = index.url.replace("//", "//me:hunter2@")
        for _ in range(2):
            with pytest.raises(NeedsRunStage):
                yard.build({**WEB, "requirements.txt": "spsecret\n"}, UV_INDEX=url)
    assert "1 package, as locked before" in yard.said
    texts = [path.read_text() for path in (yard.layers / "locks").glob("*.json")]
    assert any("spsecret" in text for text in texts)
    assert not any("hunter2" in text for text in texts)


def test_sources_hash_given_by_the_project_is_held_to(yard: Yard) -> None:
    with served() as index:
        index.publish("sphashed")
        wrong = "sphashed==1.0 --hash=sha256:" + "0" * 64
        with pytest.raises(CannotBuild, match="is not the one whose hash"):
            yard.build({**WEB, "requirements.txt": wrong}, UV_INDEX=index.url)


def test_source_that_is_not_what_the_index_promised_is_refused(tmp_path: Path) -> None:
    with served() as index:
        index.publish("spaltered")
        name = "spaltered-1.0.tar.gz"
        url = index.url.replace("/simple", f"/files/spaltered/{name}")
        source = Source("spaltered", "1.0", url, Digest("0" * 64))
        with pytest.raises(CannotBuild, match="not the one whose hash was recorded"):
            Sources(tmp_path, {}).fetch(source)
    assert not list(tmp_path.iterdir())


def test_index_cannot_make_a_file_of_this_machine_a_source(tmp_path: Path) -> None:
    named = tmp_path / "named"
    source = Source("x", "1.0", "file:///etc/passwd", Digest("0" * 64))
    with pytest.raises(CannotBuild, match="a file the operator did not name"):
        Sources(tmp_path, {"UV_FIND_LINKS": str(named)}).fetch(source)


def test_layer_with_something_built_belongs_to_one_app() -> None:
    lock = Lock("", (Source("x", "1.0", "https://x/x.tar.gz", Digest("0" * 64)),))
    one, two = (layers.key_of(lock, "stack", AppId(app)) for app in ("one", "two"))
    assert one != two
    assert layers.key_of(Lock("six\n"), "s", AppId("one")) == layers.key_of(
        Lock("six\n"), "s", AppId("two")
    )


# --- what comes back ---------------------------------------------------------------------------


SAID = {
    "gcc": "error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory: 'gcc'",
    "cc": "error: command '/usr/bin/cc' failed: No such file or directory",
    "rustc": "error: can't find Rust compiler",
    "cmake": "FileNotFoundError: [Errno 2] No such file or directory: 'cmake'",
    "header ffi.h": "x.c:1:10: fatal error: ffi.h: No such file or directory",
}


@pytest.mark.parametrize("missing", SAID)
def test_what_the_machine_lacks_is_named(missing: str) -> None:
    fact, hint = from_source.why(f"building\n{SAID[missing]}\n")
    assert f"needs the {missing}," in fact or f"needs {missing}," in fact
    assert "ask the operator to install" in hint


@pytest.mark.parametrize(
    ("ending", "words", "user_error"),
    [
        (Ending(1, said="boom"), "building it failed", True),
        (Ending(1, said="error: command 'gcc' failed with exit code 1"), "failed", True),
        (Ending(137, oom=True), "ran out of memory", True),
        (Ending(None, late=True), "took too long", True),
        (Ending(None), "was cut off", False),
        (Ending(1, said="OSError: [Errno 101] Network is unreachable"), "network", True),
    ],
)
def test_each_ending_is_judged(ending: Ending, words: str, user_error: bool) -> None:
    with pytest.raises(CannotBuild, match=words) as failed:
        from_source.judge(PACKAGE, ending)
    assert failed.value.user_error is user_error


def wheel(members: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return b"thing-1.0-py3-none-any.whl\n" + buffer.getvalue()


POINTS = "thing-1.0.dist-info/entry_points.txt"


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (b"six-1.0-py3-none-any.whl\nx", "gave no wheel of that name"),
        (b"", "gave no wheel of that name"),
        (b"thing-1.0-py3-none-any.whl\nno zip", "gave a broken wheel"),
        (wheel({"../../escaped": "x"}), "reaches out of its folder"),
        (wheel({"/escaped": "x"}), "reaches out of its folder"),
        (wheel({"thing-1.0.data/data/../../x": "x"}), "reaches out of its folder"),
        (wheel({POINTS: "[console_scripts]\n../evil = a:b\n"}), "reaches out of its folder"),
    ],
)
def test_wheel_is_taken_as_data_from_a_stranger(tmp_path: Path, stream: bytes, words: str) -> None:
    file = tmp_path / handover.output_file(PACKAGE)
    file.write_bytes(stream)
    with pytest.raises(CannotBuild, match=words):
        from_source.take(file, PACKAGE, tmp_path)


def test_wheel_that_never_came_is_told(tmp_path: Path) -> None:
    with pytest.raises(CannotBuild, match="gave no wheel"):
        from_source.take(tmp_path / "none", PACKAGE, tmp_path)


# --- room, and what is left behind -------------------------------------------------------------


def test_layer_over_the_bound_is_refused(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "BYTES_MAX", 1000)
    with pytest.raises(CannotBuild, match="its dependencies unpacked to more than") as told:
        yard.build({**WEB, "requirements.txt": "six\n"})
    assert "install less" in told.value.hint
    monkeypatch.setattr(room, "BYTES_MAX", room.GIB)
    monkeypatch.setattr(room, "FILES_MAX", 3)
    with pytest.raises(CannotBuild, match="more than 3 files"):
        yard.build({**WEB, "requirements.txt": "six\n"})
    assert not list((yard.layers / "deps").iterdir())


def test_tool_that_fills_the_disk_is_stopped(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    free = iter(range(100 * room.GIB, 0, -10 * room.GIB))
    monkeypatch.setattr(room, "_free", lambda _: (next(free), 0))
    monkeypatch.setattr("setpoint.drivers.builders.watched.LOOK_S", 0.0)
    yard.cache = yard.folder / "cold"
    with pytest.raises(CannotBuild, match="unpacked to more than 4 GiB"):
        yard.build({**WEB, "requirements.txt": "six\n"})


def test_leftovers_go_when_nobody_else_builds(tmp_path: Path) -> None:
    left = [tmp_path / name for name in ("code/.new-1", "deps/.new-2", "locks/.asking-3")]
    cache = tmp_path / "cache"
    for folder in (*left, cache / "uv/.tmpX", tmp_path / "deps/whole"):
        folder.mkdir(parents=True)
    with leftovers.cleared(tmp_path, cache):
        assert not any(folder.exists() for folder in (*left, cache / "uv/.tmpX"))
        assert (tmp_path / "deps/whole").exists()
        left[0].mkdir()
        with leftovers.cleared(tmp_path, cache):
            assert left[0].exists(), "another builder is at work"
    with leftovers.cleared(tmp_path, cache):
        assert not left[0].exists()
