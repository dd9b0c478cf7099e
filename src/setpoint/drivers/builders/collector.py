"""What builds left on the disk: looked at, and removed where it is named.

A layer is set aside under a name of garbage while no builder is at work, which takes an instant,
and removed after that. Whoever is killed in here leaves whole layers and garbage, and the garbage
is known by its name.
"""

import contextlib
import math
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from setpoint.drivers.builders import leftovers
from setpoint.drivers.builders.laid import Laid
from setpoint.drivers.builders.uv import Uv
from setpoint.model.ids import Digest
from setpoint.model.release import Build
from setpoint.model.retention import BUSY, Clearance, Cleared, Kind, Removal, Stock, Thing

GONE = ".gone-"
LAYERS: tuple[Kind, ...] = ("code", "deps")
CACHES = ("uv", "npm", "bytecode")
ARCHIVE = ".tar.gz"
RESULT_BYTES_MAX = 4 * 1024 * 1024
PACKAGES_AT_ONCE = 4
"""Of the packages in uv's cache the oldest of so many parts go at once."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_BUILD = re.compile(r"[0-9a-f]{1,64}")
_BUILD_FILE = re.compile(r"[0-9a-f]{1,64}\.(json|log)")
BUILD_ENDS = (".json", ".log")


@dataclass(frozen=True)
class Yard:
    """Folders of the data directory."""

    layers: Path
    builds: Path
    sources: Path
    cache: Path


# --- looking -------------------------------------------------------------------------------------


def look(yard: Yard) -> Stock:
    things = (*_layers(yard.layers), *_sources(yard.sources), *_builds(yard.builds))
    caches = {name: weight(yard.cache / name) for name in CACHES}
    return Stock(things, cache_bytes={name: size for name, size in caches.items() if size})


def weight(folder: Path) -> int:
    """Bytes on the disk, links not followed; of a file with several names, the share of one."""
    total = 0.0
    for here, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += _share(os.lstat(os.path.join(here, name)))
    return int(total)


def _share(found: os.stat_result) -> float:
    return found.st_blocks * 512 / max(1, found.st_nlink)


def _layers(folder: Path) -> Iterator[Thing]:
    for kind in LAYERS:
        for path in _named(folder / kind, _DIGEST):
            with contextlib.suppress(FileNotFoundError):
                yield Thing(kind, path.name, weight(path), path.lstat().st_mtime)


def _sources(folder: Path) -> Iterator[Thing]:
    for path in _named(folder, re.compile(_DIGEST.pattern + re.escape(ARCHIVE))):
        with contextlib.suppress(FileNotFoundError):
            found = path.lstat()
            name = path.name.removesuffix(ARCHIVE)
            yield Thing("source", name, math.ceil(_share(found)), found.st_mtime)


def _builds(folder: Path) -> Iterator[Thing]:
    for id in sorted({path.name.partition(".")[0] for path in _named(folder, _BUILD_FILE)}):
        files = [folder / f"{id}{end}" for end in BUILD_ENDS]
        found = [seen for path in files if (seen := _seen(path)) is not None]
        if found:
            size = math.ceil(sum(_share(f) for f in found))
            thing = Thing("build", id, size, max(f.st_mtime for f in found))
            yield _with_result(thing, files[0])


def _seen(path: Path) -> os.stat_result | None:
    """None: it is not there, or not any more."""
    try:
        return path.lstat()
    except OSError:
        return None


def _with_result(thing: Thing, file: Path) -> Thing:
    """What it came to, where that can be read."""
    try:
        if file.lstat().st_size > RESULT_BYTES_MAX:
            return thing
        build = msgspec.json.decode(file.read_bytes(), type=Build)
    except (OSError, msgspec.MsgspecError):
        return thing
    slug = build.slug
    layers: tuple[Digest, ...] = () if slug is None else (slug.code, *sorted(slug.layers))
    return msgspec.structs.replace(thing, app=build.app, source=build.source, layers=layers)


def _named(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in entries if pattern.fullmatch(entry.name)]
    except OSError:
        return []


# --- removing ------------------------------------------------------------------------------------


def clear(yard: Yard, clearance: Clearance, uv: Uv) -> Cleared:
    """Twice is nothing. What cannot go now is left, and said."""
    _remove_garbage(yard.layers)
    gone = [
        r for r in clearance.removals if r.kind == "build" and _forget_build(yard, r, clearance)
    ]
    freed = 0
    with leftovers.alone(yard.layers) as alone:
        if alone:
            leftovers.clear(yard.layers, yard.cache)
            gone += [r for r in clearance.removals if _set_aside(yard.layers, r, clearance)]
            freed = _trim(yard.cache, clearance.cache_bytes_max, uv)
    _remove_garbage(yard.layers)
    return Cleared(tuple(gone), freed, "" if alone else BUSY)


def _forget_build(yard: Yard, removal: Removal, clearance: Clearance) -> bool:
    if not _BUILD.fullmatch(removal.name):
        return False
    files = [yard.builds / f"{removal.name}{end}" for end in BUILD_ENDS]
    found = [seen for path in files if (seen := _seen(path)) is not None]
    if any(seen.st_mtime >= clearance.before_s for seen in found):
        return False
    for path in reversed(files):  # the result last: without it there is no build
        path.unlink(missing_ok=True)
    return True


def _set_aside(layers: Path, removal: Removal, clearance: Clearance) -> bool:
    """Under the lock. False where it was used since it was decided."""
    if removal.kind not in LAYERS or not _DIGEST.fullmatch(removal.name):
        return False
    path = layers / removal.kind / removal.name
    try:
        if not _is_old(path, clearance):
            return False
        path.rename(path.with_name(GONE + path.name))
        Laid(layers, removal.kind, Digest(removal.name)).forget()
    except FileNotFoundError:
        return True
    except OSError:  # one of that name is on its way already: then both go
        remove(path.with_name(GONE + path.name))
        path.rename(path.with_name(GONE + path.name))
    return True


def _is_old(path: Path, clearance: Clearance) -> bool:
    return path.lstat().st_mtime < clearance.before_s


def _remove_garbage(layers: Path) -> None:
    for kind in LAYERS:
        for path in (layers / kind).glob(f"{GONE}*"):
            remove(path)


def remove(path: Path) -> None:
    """Whole. A link is removed and never followed; a folder that was made read-only is opened."""
    with contextlib.suppress(OSError):
        if not stat.S_ISDIR(path.lstat().st_mode):
            path.unlink()
            return
    for here, folders, _ in os.walk(path):
        for name in folders:
            inner = os.path.join(here, name)
            if not os.path.islink(inner):
                with contextlib.suppress(OSError):
                    os.chmod(inner, 0o700)
    with contextlib.suppress(OSError):
        path.chmod(0o700)
    shutil.rmtree(path, ignore_errors=True)


# --- caches --------------------------------------------------------------------------------------


def _trim(cache: Path, bytes_max: int, uv: Uv) -> int:
    """Under the lock: no tool is at work. Returns how many bytes went."""
    trims: dict[str, Callable[[Path], None]] = {
        "uv": lambda folder: _trim_uv(folder, bytes_max, uv),
        "npm": lambda folder: _trim_files(folder, folder / "_cacache/content-v2", bytes_max),
        "bytecode": lambda folder: _trim_files(folder, folder, bytes_max),
    }
    return sum(_trimmed(cache / name, bytes_max, trim) for name, trim in trims.items())


def _trimmed(folder: Path, bytes_max: int, trim: Callable[[Path], None]) -> int:
    before = weight(folder)
    if before <= bytes_max:
        return 0
    trim(folder)
    return max(0, before - weight(folder))


def _trim_uv(folder: Path, bytes_max: int, uv: Uv) -> None:
    """Its own words for it, so that what is left fits together; then the packages that were fetched
    first; then all."""
    uv.run("cache", "prune")
    left = _oldest_packages(folder)
    part = math.ceil(len(left) / PACKAGES_AT_ONCE)
    while left and weight(folder) > bytes_max:
        uv.run("cache", "clean", *left[:part])
        left = left[part:]
    if weight(folder) > bytes_max:
        uv.run("cache", "clean")


def _oldest_packages(folder: Path) -> list[str]:
    """Names, in the order in which they were fetched."""
    found = [*folder.glob("wheels-v*/pypi/*"), *folder.glob("wheels-v*/index/*/*")]
    packages = {path.name: path.lstat().st_mtime for path in found if path.is_dir()}
    return sorted(packages, key=packages.__getitem__)


def _trim_files(folder: Path, among: Path, bytes_max: int) -> None:
    """What was fetched or used longest ago. Whoever misses one of them fetches or makes it again,
    by itself."""
    left = weight(folder)
    for path in _oldest_first(among):
        if left <= bytes_max:
            return
        left -= int(_share(path.lstat()))
        path.unlink(missing_ok=True)


def _oldest_first(folder: Path) -> Iterable[Path]:
    found = [Path(here, name) for here, _, names in os.walk(folder) for name in names]
    return sorted(found, key=lambda path: path.lstat().st_mtime)
