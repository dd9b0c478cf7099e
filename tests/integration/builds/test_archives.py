"""An uploaded archive is whatever somebody sent. Nothing of it may leave its folder."""

import gzip
import io
import os
import tarfile
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from setpoint.drivers.builders import archive, tree
from setpoint.drivers.builders.archive import MIB, Limits
from setpoint.drivers.builders.errors import CannotBuild
from tests.support.building import Entry, packed_entries

FILE, LINK, HARD = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
FOLDER, FIFO, DEVICE = tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE


def unpacked(tmp_path: Path, content: bytes, limits: Limits = archive.LIMITS) -> Path:
    source = tmp_path / "source.tar.gz"
    source.write_bytes(content)
    with source.open("rb") as raw:
        archive.unpack(raw, tmp_path / "into", limits)
    return tmp_path / "into"


HOSTILE: dict[str, tuple[list[Entry], str]] = {
    "traversal": ([("../escaped", FILE, "x")], "leaves the source"),
    "deep traversal": ([("a/../../escaped", FILE, "x")], "leaves the source"),
    "absolute": ([("/tmp/escaped", FILE, "x")], "leaves the source"),
    "link out": ([("l", LINK, "../escaped")], "leaves the source"),
    "absolute link": ([("l", LINK, "/etc/passwd")], "leaves the source"),
    "empty link": ([("l", LINK, "")], "leaves the source"),
    "chain of links": ([("a", LINK, "b/.."), ("b", LINK, "c"), ("c", LINK, "..")], "leaves"),
    "link through a link": (
        [("d", FOLDER, ""), ("d/up", LINK, ".."), ("e", LINK, "d/up/d/up/../x")],
        "leaves the source",
    ),
    "write through a link": ([("l", LINK, "/tmp"), ("l/escaped", FILE, "x")], "'l' is a link"),
    "write through an inner link": (
        [("d", FOLDER, ""), ("l", LINK, "d"), ("l/x", FILE, "x")],
        "'l' is a link",
    ),
    "device": ([("n", DEVICE, "")], "not accepted"),
    "pipe": ([("n", FIFO, "")], "not accepted"),
    "hard link": ([("a", FILE, "x"), ("b", HARD, "a")], "not accepted"),
    "hard link out": ([("b", HARD, "/etc/passwd")], "not accepted"),
    "twice": ([("a", FILE, "1"), ("./a", FILE, "2")], "twice"),
    "file as folder": ([("a", FILE, "x"), ("a/b", FILE, "x")], "'a' is a file"),
    "folder over file": ([("a", FILE, "x"), ("a", FOLDER, "")], "'a' is a file"),
    "long path": ([("x/" * 600 + "y", FILE, "")], "longer than 1024 bytes"),
    "long name": ([("x" * 300, FILE, "")], "name too long"),
    "deep": ([("a/" * 100 + "b", FILE, "")], "64 folders deep"),
    "not UTF-8": ([("caf\udce9", FILE, "")], "not UTF-8"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_member_is_refused_in_one_clear_line(case: str, tmp_path: Path) -> None:
    entries, words = HOSTILE[case]
    with pytest.raises(CannotBuild) as refused:
        unpacked(tmp_path, packed_entries(entries))
    assert words in refused.value.message.lower() or words in refused.value.message
    assert str(tmp_path) not in refused.value.message
    assert "\n" not in refused.value.message
    assert not (tmp_path / "escaped").exists()
    assert not Path("/tmp/escaped").exists()


def bomb() -> bytes:
    """300 MiB of zeroes in one member, in a few hundred KiB."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb") as stream:
        member = tarfile.TarInfo("bomb")
        member.size = 2048 * MIB
        stream.write(member.tobuf())
        for _ in range(300):
            stream.write(bytes(MIB))
    return buffer.getvalue()


def header_bomb() -> bytes:
    """Extended headers are read into memory by tarfile before any filter sees them."""
    member = tarfile.TarInfo("h")
    member.type, member.size = tarfile.XHDTYPE, 20 * MIB
    return gzip.compress(member.tobuf() + bytes(20 * MIB))


BROKEN = {
    "no gzip": b"hello" * 100,
    "empty": b"",
    "truncated": packed_entries([("a", FILE, os.urandom(100_000))])[:5000],
    "no tar": gzip.compress(b"hello" * 1000),
    "bomb": bomb(),
    "header bomb": header_bomb(),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_archive_is_refused_without_filling_disk_or_memory(
    case: str, tmp_path: Path
) -> None:
    with pytest.raises(CannotBuild, match="the source "):
        unpacked(tmp_path, BROKEN[case])
    written = sum(f.stat().st_blocks * 512 for f in (tmp_path / "into").rglob("*"))
    assert written < 64 * MIB


def test_limits_on_count_and_size_hold(tmp_path: Path) -> None:
    many = packed_entries([(f"f{i}", FILE, "") for i in range(30)])
    with pytest.raises(CannotBuild, match="more than 20 files"):
        unpacked(tmp_path, many, Limits(entries=20))


def test_size_limit_counts_what_is_unpacked(tmp_path: Path) -> None:
    big = packed_entries([("big", FILE, os.urandom(2 * MIB))])
    with pytest.raises(CannotBuild, match="more than 1 MiB unpacked"):
        unpacked(tmp_path, big, Limits(unpacked_bytes=MIB))


def test_good_tree_keeps_files_inner_links_and_x_bits_alone(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        _add(tar, "bin/run", 0o4777)
        _add(tar, "plain", 0o600)
        _add(tar, ".git/config", 0o644)
        link = tarfile.TarInfo("bin/link")
        link.type, link.linkname = LINK, "../plain"
        tar.addfile(link)
    into = unpacked(tmp_path, buffer.getvalue())
    assert sorted(tree.files(into)) == ["bin/link", "bin/run", "plain"]
    assert (into / "bin/run").stat().st_mode & 0o7777 == 0o755
    assert (into / "plain").stat().st_mode & 0o7777 == 0o644
    assert (into / "bin/link").read_bytes() == b"x"


def _add(tar: tarfile.TarFile, name: str, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.mode, member.size = mode, 1
    content: BinaryIO = io.BytesIO(b"x")
    tar.addfile(member, content)


def test_folder_that_holds_the_whole_project_is_looked_through(tmp_path: Path) -> None:
    into = unpacked(tmp_path, packed_entries([("shop-1/Procfile", FILE, "web: x")]))
    assert tree.root_of(into) == into / "shop-1"


def test_digest_tells_content_and_x_bits_apart_and_nothing_else(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        (folder / "a").write_text("x")
    (two / "empty").mkdir()
    os.utime(two / "a", (0, 0))
    assert tree.digest(one) == tree.digest(two)
    (two / "a").chmod(0o755)
    assert tree.digest(one) != tree.digest(two)


# --- headers that are read before anyone sees their entry ----------------------------------------


def header(kind: bytes, size: int, name: str = "a") -> bytes:
    entry = tarfile.TarInfo(name)
    entry.type, entry.size = kind, size
    return entry.tobuf(tarfile.GNU_FORMAT)


def pax(records: dict[str, str], kind: bytes = tarfile.XHDTYPE) -> bytes:
    lines = [f" {name}={value}\n".encode() for name, value in records.items()]
    sized = [next(n for n in range(9999) if len(f"{n}") + len(line) == n) for line in lines]
    body = b"".join(f"{n}".encode() + line for n, line in zip(sized, lines, strict=True))
    return header(kind, len(body)) + body + bytes(-len(body) % 512)


HOLES = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "1"}
HEADERS = {
    "a long name": (header(tarfile.GNUTYPE_LONGNAME, 8 * MIB), "a header of 8388608 bytes"),
    "a long link": (header(tarfile.GNUTYPE_LONGLINK, 8 * MIB), "a header of 8388608 bytes"),
    "pax records": (header(tarfile.XHDTYPE, 8 * MIB), "a header of 8388608 bytes"),
    "Solaris' own": (header(tarfile.SOLARIS_XHDTYPE, 8 * MIB), "a header of 8388608 bytes"),
    "pax records for all": (header(tarfile.XGLTYPE, 2048), "a header of 2048 bytes"),
    "many records for all": (
        pax({f"k{n}": "v" for n in range(40)}, tarfile.XGLTYPE) + header(FILE, 0),
        "too many pax records",
    ),
    "headers of headers": (pax({"k": "v"}) * 2000 + header(FILE, 0), "recursion"),
    "GNU's sparse file": (header(tarfile.GNUTYPE_SPARSE, 0), "a sparse file is not accepted"),
    "pax sparse 0.0": (
        pax({"GNU.sparse.size": "1", "GNU.sparse.numblocks": "0"}) + header(FILE, 0),
        "a sparse file is not accepted",
    ),
    "pax sparse 0.1": (
        pax({"GNU.sparse.map": "0,0", "GNU.sparse.size": "1"}) + header(FILE, 0),
        "a sparse file is not accepted",
    ),
    "pax sparse 1.0": (pax(HOLES) + header(FILE, 8 * MIB), "a sparse file is not accepted"),
}


@pytest.mark.parametrize("case", HEADERS)
def test_header_is_refused_before_what_it_announces_is_read(tmp_path: Path, case: str) -> None:
    start, words = HEADERS[case]
    source = tmp_path / "made.tar"
    source.write_bytes(start + b"1\n" * (4 * MIB))
    read = 0

    class Counted(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            nonlocal read
            data = super().read(size)
            read += len(data or b"")
            return data or b""

    with Counted(source) as raw, pytest.raises(CannotBuild, match=words):
        archive.unpack_plain(cast(BinaryIO, raw), tmp_path / "into", archive.LIMITS, "what it made")
    assert read <= len(start) + 64 * 1024


def test_what_git_writes_for_all_entries_is_read(tmp_path: Path) -> None:
    commit = pax({"comment": "c" * 40}, tarfile.XGLTYPE)
    content = gzip.compress(commit + header(FILE, 0, "app.py") + bytes(1024))
    assert (unpacked(tmp_path, content) / "app.py").is_file()
