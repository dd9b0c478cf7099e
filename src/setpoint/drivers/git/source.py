"""A commit's tree as the archive that a build takes: by content alone, without times or owners."""

import gzip
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from setpoint.drivers.git.repositories import Repositories, bound
from setpoint.model.errors import Terminal
from setpoint.model.push import TreeEntry

LEVEL = 1
"""of compression: it goes no further than the disk"""
EXECUTABLE, FILE = 0o755, 0o644


def pack(
    repositories: Repositories,
    repository: Path,
    quarantine: Mapping[str, str],
    entries: Sequence[TreeEntry],
    out: IO[bytes],
) -> None:
    """`quarantine`: where git finds what is in no ref yet. Blocks. Raises Terminal."""
    with (
        subprocess.Popen(
            repositories.argv(("cat-file", "--batch"), repository),
            env=repositories.environment(quarantine),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as git,
        gzip.GzipFile("", "wb", compresslevel=LEVEL, fileobj=out, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        bound(git.pid)
        assert git.stdin is not None
        assert git.stdout is not None
        try:
            for entry in entries:
                git.stdin.write(f"{entry.id}\n".encode())
                git.stdin.flush()
                _check(git.stdout.readline(), entry)
                _add(tar, entry, git.stdout)
                git.stdout.read(1)  # a line's end after each
        except OSError as error:
            git.kill()
            raise Terminal(f"cannot pack the source: {error.strerror}") from None
        except BaseException:
            git.kill()
            raise


def _check(head: bytes, entry: TreeEntry) -> None:
    if head.split() != [entry.id.encode(), b"blob", str(entry.bytes_).encode()]:
        raise Terminal("cannot pack the source: git shows another file than it listed")


def _add(tar: tarfile.TarFile, entry: TreeEntry, content: IO[bytes]) -> None:
    info = tarfile.TarInfo(entry.path.decode("utf-8"))
    if entry.is_link:
        info.type = tarfile.SYMTYPE
        info.linkname = content.read(entry.bytes_).decode("utf-8", "surrogateescape")
        tar.addfile(info)
        return
    info.size = entry.bytes_
    info.mode = EXECUTABLE if entry.mode == "100755" else FILE
    tar.addfile(info, content)
