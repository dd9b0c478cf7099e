"""Layers: immutable folders by content, readable by every app, laid down whole or not at all."""

import contextlib
import hashlib
import os
import re
import shutil
import time
from collections.abc import Generator, Mapping
from pathlib import Path

from setpoint.drivers.builders import asking, disk, laid, room
from setpoint.drivers.builders.bytecode import Bytecode
from setpoint.drivers.builders.errors import CannotBuild
from setpoint.drivers.builders.laid import Laid
from setpoint.drivers.builders.locks import Lock
from setpoint.drivers.builders.sources import Source
from setpoint.drivers.builders.stack import Interpreter
from setpoint.drivers.builders.uv import Outcome, Reason, Uv, told
from setpoint.model.ids import AppId, Digest

VERSION = "1"
"""Part of every layer's key: raise it when the same content must be laid down differently."""
SCRATCH = ".new-"
_LACKS = re.compile(r"The package `([^`]+)` requires ([^\n]+)")
_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==", re.MULTILINE)
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
    """One folder of layers, by digest. What is unfinished starts with a dot and is garbage.

    `careful`: some layer was altered by an outsider. They share files with others and with caches,
    so nothing is believed unseen, and what is altered is laid anew."""

    def __init__(self, folder: Path, build: str) -> None:
        self._folder = folder
        self._build = build
        self.careful = bool(laid.marked(folder.parent))
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)

    def has(self, digest: Digest) -> bool:
        """Whoever asks means to use it: it counts as used from now on, so that nobody removes it
        before that is on record."""
        path = self._folder / digest
        with contextlib.suppress(FileNotFoundError):
            os.utime(path)
        return path.is_dir() and not (self.careful and self._is_altered(digest))

    def _is_altered(self, digest: Digest) -> bool:
        return not laid.look(self._laid(digest), time.time())

    def _laid(self, digest: Digest) -> Laid:
        return Laid(self._folder.parent, self._folder.name, digest)

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
        rows = laid.rows(finished)
        disk.sync(finished)
        try:
            self._name(finished, self._laid(digest))
        except OSError:
            if not self.has(digest):  # another build laid down the same one first
                raise
        else:
            laid.keep(self._laid(digest).record, rows)
            self._laid(digest).mark.unlink(missing_ok=True)

    def _name(self, finished: Path, wanted: Laid) -> None:
        """What was altered is set aside: instances run on it, and go on until others took over."""
        if not (wanted.mark.exists() and wanted.layer.is_dir()):
            finished.rename(wanted.layer)
            return
        aside = self._folder / f"{laid.ASIDE}{wanted.digest}.{time.time_ns()}"
        finished.rename(aside)
        disk.exchange(aside, wanted.layer)


def lay(
    uv: Uv,
    lock: Lock,
    bytecode: Bytecode,
    layers: Layers,
    digest: Digest,
    wheels: Path | None,
    modules: Mapping[str, bytes] = {},
) -> None:
    """The layer with exactly what `lock` names. `wheels`: where those lie that were built from
    source. `modules`: files of our own, by path in site-packages. Raises CannotBuild."""
    python = bytecode.python
    if layers.careful:
        forget(uv, lock.text)
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
        bytecode.add_to(packages)
        layers.put(new, digest)


def forget(uv: Uv, text: str) -> None:
    """What the tool unpacked of these packages may be the very files that were altered."""
    names = _PINNED.findall(text)
    if names:
        uv.run("cache", "clean", *names)


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
