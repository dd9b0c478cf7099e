"""Bytecode of layers: each source is compiled once per stack, and kept by its content.

An entry is named by the sha256 of its source and holds what our own compiler made of exactly that,
never what a package brought along: whatever somebody puts into a layer, others find only what their
own sources mean. Layers hold hard links to entries, and copies where those are refused. An entry is
on the disk before it has its name, and is looked at whole before it is used.
"""

import contextlib
import hashlib
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from setpoint.drivers.builders import disk, watched
from setpoint.drivers.builders.stack import Interpreter
from setpoint.model.ids import AppId

COMPILE_S_MAX = 300.0
FILES_MAX = 20_000
FILES_ALONE_MAX = 50
"""So few files are compiled sooner than one more process is started."""
MEMORY_BYTES_MAX = 1024 * 1024 * 1024
"""per process: a source file may be made to need any amount"""
SCRATCH = ".new-"
SEAL_BYTES = 32
PACKAGES = "packages"
_COMPILER = resources.files("setpoint.workers").joinpath("bytecode.py").read_text(encoding="utf-8")
"""Read when this is imported: the builder gives up root later."""


@dataclass(frozen=True)
class _Source:
    path: str
    digest: str
    target: str


@dataclass(frozen=True)
class Bytecode:
    """`folders`: of entries, looked through in turn; what is compiled goes into the first."""

    python: Interpreter
    folders: tuple[Path, ...]

    def add_to(self, tree: Path) -> None:
        """Valid whatever the times of files (copies and restores alter them), never written again.

        Not with the layer's own interpreter: that one runs the `.pth` lines of what was installed,
        and no code of dependencies runs in this stage. A module that does not compile says so when
        it is imported, as it would without this. Raises OSError.
        """
        paths = list(_paths(tree))
        if not self.python.cache_tag or len(paths) > FILES_MAX:
            return
        sources = [self._source(path) for path in paths]
        missing = [source for source in sources if not self._take(source)]
        if missing:
            self._compile({source.digest: source.path for source in missing}.values())
            for source in missing:
                self._take(source)

    def _source(self, path: str) -> _Source:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        folder, name = os.path.split(path)
        target = f"{name.removesuffix('.py')}.{self.python.cache_tag}.pyc"
        return _Source(path, digest, os.path.join(folder, "__pycache__", target))

    def _take(self, source: _Source) -> bool:
        """Whether it is known what this source compiles to, if only that it does not."""
        for folder in self.folders:
            entry = folder / source.digest
            code = _read(entry)
            if code is not None:
                with contextlib.suppress(FileNotFoundError):
                    os.utime(entry)  # the collector removes first what was not used for longest
                if len(code) > SEAL_BYTES:
                    _put(code, entry, source.target)
                return True
        return False

    def _compile(self, paths: Iterable[str]) -> None:
        folder = self.folders[0]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=folder) as scratch:
            _run(self.python, list(paths), scratch)
            disk.sync(folder)
            made = (Path(scratch, name) for name in os.listdir(scratch))
            for entry in (path for path in made if _read(path) is not None):
                entry.replace(folder / entry.name)


def of_packages(store: Path, stack: str, python: Interpreter) -> Bytecode:
    """Of what was checked by its hash when it was fetched. Shared by all."""
    return Bytecode(python, (store / stack / PACKAGES,))


def of_app(store: Path, stack: str, python: Interpreter, app: AppId) -> Bytecode:
    """Of an app's own code, and of what was built in its sandbox: that app's alone, like the layers
    it is for. What packages everybody may have compile to is taken from the others' folder."""
    shared = of_packages(store, stack, python)
    return Bytecode(python, (store / stack / app, *shared.folders))


def _paths(tree: Path) -> Iterator[str]:
    """Sources in it, links not followed."""
    for here, _, names in os.walk(tree):
        if os.path.islink(os.path.join(here, "__pycache__")):
            continue  # it leads to another folder's
        for name in names:
            path = os.path.join(here, name)
            if name.endswith(".py") and not os.path.islink(path) and os.path.isfile(path):
                yield path


def _read(entry: Path) -> bytes | None:
    """What it holds, seal included; None where it is not there, not whole or under another's
    name."""
    try:
        content = entry.read_bytes()
    except OSError:
        return None
    source, body = bytes.fromhex(entry.name), memoryview(content)[:-SEAL_BYTES]
    seal = hashlib.sha256(source)
    seal.update(body)
    return content if content[-SEAL_BYTES:] == seal.digest() else None


def _put(code: bytes, entry: Path, target: str) -> None:
    """In the place of what was there. An oddly made tree keeps what stands in the way."""
    with contextlib.suppress(FileExistsError, NotADirectoryError, IsADirectoryError):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(target)
        try:
            os.link(entry, target)
        except OSError:  # another disk, or no more links
            Path(target).write_bytes(code)


# --- compiling -----------------------------------------------------------------------------------


def _run(python: Interpreter, paths: Sequence[str], into: str) -> None:
    """Side by side, and no longer than this process lives. What is not done in time is left."""
    cores = len(os.sched_getaffinity(0))
    parts = min(cores, -(-len(paths) // FILES_ALONE_MAX))
    largest_first = sorted(paths, key=os.path.getsize, reverse=True)
    deadline_s = time.monotonic() + COMPILE_S_MAX
    with contextlib.ExitStack() as running:
        processes = [
            running.enter_context(_compiling(python, largest_first[n::parts], into))
            for n in range(parts)
        ]
        with contextlib.suppress(subprocess.TimeoutExpired):
            for process in processes:
                process.wait(max(0.0, deadline_s - time.monotonic()))


@contextlib.contextmanager
def _compiling(
    python: Interpreter, paths: Sequence[str], into: str
) -> Generator["subprocess.Popen[bytes]"]:
    with tempfile.TemporaryFile(dir=into) as listed:
        listed.writelines(os.fsencode(path) + b"\0" for path in paths)
        listed.seek(0)
        process = subprocess.Popen(
            [python.path, "-I", "-S", "-W", "ignore", "-c", _COMPILER, into],
            env={},
            cwd="/",
            stdin=listed,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=_Bounded(os.getpid()),
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


class _Bounded(watched.Ending):
    def __call__(self) -> None:
        super().__call__()
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
