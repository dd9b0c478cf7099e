"""Packing: the same bytes for the same content, and nothing that must not travel."""

import os
import tarfile
from pathlib import Path

import pytest

from setpoint.cli import archive, project
from setpoint.drivers.builders.archive import LIMITS, unpack
from setpoint.drivers.local.uploads import Uploads
from setpoint.model.errors import Invalid, OverLimit
from setpoint.model.release import SOURCE_BYTES_MAX


def write(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def names(folder: Path) -> list[str]:
    with archive.pack(folder).file as file, tarfile.open(fileobj=file) as tar:
        return tar.getnames()


def digest(folder: Path) -> str:
    packed = archive.pack(folder)
    packed.file.close()
    return packed.digest


def test_the_same_content_is_the_same_archive(tmp_path: Path) -> None:
    one = write(tmp_path / "one", "Procfile", "lib/b.py", "lib/a.py")
    two = write(tmp_path / "two", "lib/a.py", "lib/b.py", "Procfile")
    os.utime(one / "Procfile", (1, 1))
    (one / "Procfile").chmod(0o600)
    assert digest(one) == digest(two)
    (two / "Procfile").chmod(0o755)
    assert digest(one) != digest(two)


def test_what_belongs_to_the_machine_stays_there(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "p",
        "Procfile",
        ".env.example",
        ".git/config",
        "node_modules/x/index.js",
        ".venv/bin/python",
        "lib/__pycache__/a.cpython-311.pyc",
        "lib/a.pyc",
        "lib/a.py",
    )
    assert names(folder) == [".env.example", "Procfile", "lib/a.py"]


def test_slugignore_leaves_out_by_name_path_and_pattern(tmp_path: Path) -> None:
    folder = write(tmp_path / "p", "Procfile", "docs/a.md", "big.psd", "lib/x.psd", "lib/keep.py")
    (folder / ".slugignore").write_text("# art\n*.psd\n/docs/\n\n")
    assert names(folder) == [".slugignore", "Procfile", "lib/keep.py"]


def test_what_is_packed_the_builder_can_unpack(tmp_path: Path) -> None:
    folder = write(tmp_path / "p", "Procfile", "lib/a.py")
    (folder / "lib/link").symlink_to("a.py")
    (folder / "lib/a.py").chmod(0o755)
    packed = archive.pack(folder)
    with packed.file as file:
        unpack(file, tmp_path / "out")
    assert (tmp_path / "out/lib/link").read_text() == "lib/a.py"
    assert os.access(tmp_path / "out/lib/a.py", os.X_OK)


@pytest.mark.parametrize("target", ["/etc/passwd", "../../secret", "../p-other"])
def test_links_out_of_the_folder_are_refused(tmp_path: Path, target: str) -> None:
    folder = write(tmp_path / "p", "Procfile")
    (folder / "link").symlink_to(target)
    with pytest.raises(Invalid, match="link links out of it"):
        archive.pack(folder)


def test_a_pipe_is_refused_by_name(tmp_path: Path) -> None:
    folder = write(tmp_path / "p", "Procfile")
    os.mkfifo(folder / "queue")
    with pytest.raises(Invalid, match="queue is neither a file nor a link"):
        archive.pack(folder)


def test_a_name_that_is_not_utf_8_is_refused_before_the_upload(tmp_path: Path) -> None:
    folder = write(tmp_path / "p", "Procfile")
    (folder / "caf\udce9.txt").write_text("")
    with pytest.raises(Invalid, match=r"'caf.udce9.txt' is not UTF-8"):
        archive.pack(folder)


def test_what_is_too_large_is_not_even_read(tmp_path: Path) -> None:
    folder = write(tmp_path / "p", "Procfile")
    with (folder / "video").open("wb") as file:
        file.truncate(2 * 1024**4)
    with pytest.raises(OverLimit, match=r"too large, at most 536\.9 MB"):
        archive.pack(folder)


def test_too_many_files_and_too_many_bytes_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "p", "a", "b", "c")
    monkeypatch.setattr(archive, "SOURCE_FILES_MAX", 2)
    with pytest.raises(OverLimit, match="more than 2 files"):
        archive.pack(folder)
    monkeypatch.undo()
    monkeypatch.setattr(archive, "SOURCE_UNPACKED_BYTES_MAX", 2)
    with pytest.raises(OverLimit, match="too large"):
        archive.pack(folder)


def test_a_refusal_for_size_names_where_most_of_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "p", "Procfile", "web/app.py", "web/assets/logo.svg")
    for name, kilobytes in {"web/data/2024/a": 700, "web/data/2025/b": 200, "web/c\n": 90}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x" * kilobytes * 1000)
    monkeypatch.setattr(archive, "SOURCE_UNPACKED_BYTES_MAX", 500_000)
    with pytest.raises(OverLimit) as refused:
        archive.pack(folder)
    most, what_to_do = refused.value.hint.splitlines()
    assert most == "most of it: web/data/2024/ 700.0 kB, web/data/2025/ 200.0 kB"
    assert ".slugignore" in what_to_do
    monkeypatch.setattr(archive, "SOURCE_UNPACKED_BYTES_MAX", 980_000)
    (folder / "web/data/2024/a").write_bytes(b"x" * 400_000)
    (folder / "web/c\n").write_bytes(b"x" * 390_000)
    with pytest.raises(OverLimit, match=r"data/ 600\.0 kB, web/c\\n 390\.0 kB, web/assets/"):
        archive.pack(folder)


def test_a_refusal_for_the_number_of_files_names_the_folders_with_the_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "p", "Procfile", *(f"cache/{n}" for n in range(3)), "docs/a")
    monkeypatch.setattr(archive, "SOURCE_FILES_MAX", 4)
    with pytest.raises(OverLimit, match="most of it: cache/ 3 files, "):
        archive.pack(folder)


def test_nothing_is_sent_that_the_builder_would_refuse_for_its_size() -> None:
    assert LIMITS.entries == archive.SOURCE_FILES_MAX
    assert LIMITS.unpacked_bytes == archive.SOURCE_UNPACKED_BYTES_MAX
    assert LIMITS.packed_bytes == archive.SOURCE_BYTES_MAX == SOURCE_BYTES_MAX == Uploads.bytes_max


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("shop", "shop"),
        ("My Shop_2", "my-shop-2"),
        ("2048", "app-2048"),
        ("x", "x-app"),
        ("---", "app"),
        ("a" * 40, "a" * 30),
        ("überall", "berall"),
        ("b" * 29 + "-c", "b" * 29),
    ],
)
def test_every_folder_has_a_valid_app_name(folder: str, name: str) -> None:
    from setpoint.policy.names import check_app

    assert project.name_for(Path("/work") / folder) == name
    check_app(name)
