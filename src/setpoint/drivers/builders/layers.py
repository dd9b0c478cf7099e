"""Layers: immutable folders by content, readable by every app, laid down whole or not at all."""

import contextlib
import ctypes
import hashlib
import os
import re
import resource
import shutil
import subprocess
from collections.abc import Generator, Mapping
from pathlib import Path

from setpoint.drivers.builders import asking, room
from setpoint.drivers.builders.errors import CannotBuild
from setpoint.drivers.builders.locks import Lock
from setpoint.drivers.builders.sources import Source
from setpoint.drivers.builders.stack import Interpreter
from setpoint.drivers.builders.uv import Outcome, Reason, Uv, told
from setpoint.model.ids import AppId, Digest

VERSION = "1"
"""Part of every layer's key: raise it when the same content must be laid down differently."""
COMPILE_S_MAX = 300.0
COMPILE_FILES_MAX = 20_000
COMPILE_ALONE_MAX = 100
"""So few files are compiled sooner than more processes are started."""
COMPILE_MEMORY_BYTES_MAX = 1024 * 1024 * 1024
"""per process: a source file may be made to need any amount"""
SCRATCH = ".new-"
APP = "/app"
"""where a code layer is seen by the code in it; tracebacks say so"""
_LACKS = re.compile(r"The package `([^`]+)` requires ([^\n]+)")
NEEDLESS = ("activate*", "deactivate*", "pydoc.bat")


def key(content: str, stack: str) -> Digest:
    return Digest(hashlib.sha256("\0".join((VERSION, stack, content)).encode()).hexdigest())


def key_with(lock: Lock, stack: str, modules: Mapping[str, bytes]) -> Digest:
    """Of a layer with files of our own in it."""
    ours = (f"{name} {hashlib.sha256(content).hexdigest()}" for name, content in modules.items())
    return key("\0".join(("with", *sorted(ours), lock.text)), stack)


def key_of(lock: Lock, stack: str, app: AppId) -> Digest:
    """What was built in an app's sandbox is that app's alone, and so is the layer it lies in."""
    if not lock.sources:
        return key(lock.text, stack)
    built = (f"{s.name}=={s.version} {s.digest}" for s in lock.sources)
    return key("\0".join(("built for", app, *built, lock.text)), stack)


class Layers:
    """One folder of layers, by digest. What is unfinished starts with a dot and is garbage."""

    def __init__(self, folder: Path, build: str) -> None:
        self._folder = folder
        self._build = build
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)

    def has(self, digest: Digest) -> bool:
        """Whoever asks means to use it: it counts as used from now on, so that nobody removes it
        before that is on record."""
        path = self._folder / digest
        with contextlib.suppress(FileNotFoundError):
            os.utime(path)
        return path.is_dir()

    @contextlib.contextmanager
    def scratch(self, purpose: str = "") -> Generator[Path]:
        """A path (not yet there) on the same file system, gone afterwards. One per process and
        purpose: an earlier try of the same build may still be at work, if its supervisor died
        before it was on record. What nobody works on any more is cleared as a leftover."""
        path = self._folder / f"{SCRATCH}{self._build}.{os.getpid()}{purpose}"
        shutil.rmtree(path, ignore_errors=True)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def put(self, finished: Path, digest: Digest) -> None:
        """Atomic; on the disk before it has its name, so that a name means a whole layer."""
        os.utime(finished)  # an archive may have given it any age
        _sync(finished)
        try:
            finished.rename(self._folder / digest)
        except OSError:
            if not self.has(digest):  # another build laid down the same one first
                raise


def lay(
    uv: Uv,
    lock: Lock,
    python: Interpreter,
    layers: Layers,
    digest: Digest,
    wheels: Path | None,
    modules: Mapping[str, bytes] = {},
) -> None:
    """The layer with exactly what `lock` names. `wheels`: where those lie that were built from
    source. `modules`: files of our own, by path in site-packages. Raises CannotBuild."""
    with layers.scratch() as new:
        must(uv.run("venv", "--relocatable", "--python", python.path, str(new)), python)
        if lock.text:
            _install(uv, lock.text, new, python)
        if wheels is not None:
            _install_built(uv.alone_with(wheels), lock.sources, new)
        _tidy(new)
        room.check_folder(new)
        packages = next(new.glob("lib/python*/site-packages"))
        _add(modules, packages)
        compile_bytecode(python, packages)
        layers.put(new, digest)


def _add(modules: Mapping[str, bytes], packages: Path) -> None:
    for name, content in modules.items():
        (packages / name).parent.mkdir(exist_ok=True)
        (packages / name).write_bytes(content)


def _install_built(uv: Uv, sources: tuple[Source, ...], layer: Path) -> None:
    """Copied, and past the cache: no other app may come across them. No hashes, for nobody has
    seen these wheels before."""
    where = ("--python", str(layer / "bin/python"))
    pins = "".join(f"{s.name}=={s.version}\n" for s in sources)
    outcome = uv.run(
        *("pip", "install", "--no-deps", "--no-build", "--link-mode", "copy", *where, "-r", "-"),
        stdin=pins,
    )
    if not outcome.ok:
        names = ", ".join(s.label for s in sources)
        fact = f"what was built from the source of {names} cannot be installed"
        raise CannotBuild(fact, asking.PIN, tool=told(outcome.errors))
    _complete(uv.run("pip", "check", *where).errors, sources)


def _complete(said: str, sources: tuple[Source, ...]) -> None:
    """What a package needs may be known to its code alone, so it is looked at once more."""
    for source in sources:
        for name, rest in _LACKS.findall(said):
            if name == source.name:
                raise CannotBuild(
                    f"{source.label}, built from source, requires {rest}",
                    "add that to requirements.txt",
                )


def _install(uv: Uv, text: str, layer: Path, python: Interpreter) -> None:
    """From the cache first: where all is there, the network is not touched."""
    arguments = (
        *("pip", "install", "--no-deps", "--no-build", "--require-hashes"),
        *("--link-mode", "hardlink", "--python", str(layer / "bin/python"), "-r", "-"),
    )
    outcome = uv.run(*arguments, "--offline", stdin=text)
    if not outcome.ok and outcome.reason is Reason.NOT_CACHED:
        outcome = uv.run(*arguments, stdin=text)
    must(outcome, python)


def must(outcome: Outcome, python: Interpreter) -> None:
    """Raises CannotBuild unless it went well."""
    if outcome.ok:
        return
    match outcome.reason:
        case Reason.HASH_MISMATCH:
            fact = "a package is not the one whose hash was recorded"
            hint = "compare the recorded hashes with those of the index"
            raise CannotBuild(fact, hint, tool=told(outcome.errors))
        case Reason.SOURCE_ONLY:
            raise asking.needs_build(outcome, python)
        case Reason.INDEX_UNREACHABLE | Reason.NOT_CACHED:
            fact = "the package index cannot be reached"
            raise CannotBuild(fact, tool=told(outcome.errors), user_error=False)
        case _:
            fact = "its dependencies cannot be installed"
            raise CannotBuild(fact, tool=told(outcome.errors), user_error=False)


def _tidy(layer: Path) -> None:
    """Away with what only a person at a terminal needs, and with the tool's own lock."""
    for needless in (layer / ".lock", layer / ".gitignore", layer / "CACHEDIR.TAG"):
        needless.unlink(missing_ok=True)
    for pattern in NEEDLESS:
        for file in (layer / "bin").glob(pattern):
            file.unlink()


def compile_bytecode(python: Interpreter, folder: Path, shown_as: str = "") -> None:
    """Valid whatever the times of files (copies and restores alter them), never written again.

    Not with the layer's own interpreter: that one runs the `.pth` lines of what was installed, and
    no code of dependencies runs in this stage. A module that does not compile says so when it is
    imported, as it would without this.
    """
    files = sum(1 for _ in folder.rglob("*.py"))
    if files > COMPILE_FILES_MAX:
        return
    shown = ("-s", str(folder), "-p", shown_as) if shown_as else ()
    side_by_side = ("-j", "0") if files > COMPILE_ALONE_MAX else ()
    arguments = ("-q", "-q", *side_by_side, "--invalidation-mode", "unchecked-hash", *shown)
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(
            [python.path, "-I", "-S", "-m", "compileall", *arguments, str(folder)],
            env={},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=COMPILE_S_MAX,
            check=False,
            preexec_fn=_limit_memory,
        )


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (COMPILE_MEMORY_BYTES_MAX, COMPILE_MEMORY_BYTES_MAX))


_libc = ctypes.CDLL(None, use_errno=True)


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if _libc.syncfs(fd):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(fd)
