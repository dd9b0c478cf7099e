"""Folders that build commands may write to: the tree they run on, and the app's own cache.

What is in there is the app's making. As root nothing of it is opened or followed: a folder is made,
given away, and removed whole by tools that follow no links, in a process beside the supervisor,
which has one thread and other things to do.
"""

import asyncio
import os
import secrets
import subprocess
from pathlib import Path

from setpoint.drivers.local.paths import Paths
from setpoint.model.ids import AppId

CACHE_KIB_MAX = 2 * 1024 * 1024
"""looked at after each use: a cache beyond this is thrown away whole"""
_REMOVE = 'rm -rf -- "$@"'
_REMOVE_AND_WEIGH = (
    'rm -rf -- "$1"; [ "$(du -sk -- "$2" | cut -f1)" -le "$3" ] || find "$2" -mindepth 1 -delete'
)


class Trees:
    def __init__(self, paths: Paths) -> None:
        self._trees = paths.trees
        self._caches = paths.build_caches
        self._sweeping: dict[int, subprocess.Popen[bytes]] = {}
        self._swept_all = asyncio.Event()
        self._swept_all.set()
        for folder in (self._trees, self._caches):
            folder.mkdir(mode=0o711, exist_ok=True)
            folder.chmod(0o711)

    @property
    def disk(self) -> Path:
        """A folder on the file system that trees and caches lie on."""
        return self._trees

    async def swept(self) -> None:
        """Until nothing is being removed any more."""
        await self._swept_all.wait()

    def new(self, uid: int | None) -> Path:
        """An empty folder of the app's. Raises OSError."""
        return _given(self._trees / secrets.token_hex(8), uid)

    def cache(self, app: AppId, uid: int | None, since_s: float | None = None) -> Path:
        """As the app's build before left it; one of before `since_s` goes. Raises OSError."""
        wanted = self._caches / (app if since_s is None else f"{app}@{since_s * 1000:.0f}")
        for folder in self._caches_of(app):
            if folder != wanted:
                self._discard(folder)
        return _given(wanted, uid)

    def drop(self, tree: Path, cache: Path) -> None:
        self._sweep(_REMOVE_AND_WEIGH, str(tree), str(cache), str(CACHE_KIB_MAX))

    def forget(self, app: AppId) -> None:
        """Out of reach at once: what still writes to it loses its way there."""
        for folder in self._caches_of(app):
            self._discard(folder)

    def _caches_of(self, app: AppId) -> list[Path]:
        return [path for path in self._caches.iterdir() if path.name.partition("@")[0] == app]

    def _discard(self, folder: Path) -> None:
        gone = self._trees / secrets.token_hex(8)
        try:
            folder.rename(gone)
        except OSError:
            return
        self._sweep(_REMOVE, str(gone))

    def drop_all(self) -> None:
        """Trees of stages that an earlier supervisor began."""
        if left := [str(path) for path in self._trees.iterdir()]:
            self._sweep(_REMOVE, *left)

    def _sweep(self, script: str, *arguments: str) -> None:
        process = subprocess.Popen(
            ["/bin/sh", "-c", script, "sweep", *arguments],
            env={"PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )
        fd = os.pidfd_open(process.pid)
        self._sweeping[fd] = process
        self._swept_all.clear()
        asyncio.get_running_loop().add_reader(fd, self._swept, fd)

    def _swept(self, fd: int) -> None:
        asyncio.get_running_loop().remove_reader(fd)
        os.close(fd)
        self._sweeping.pop(fd).wait()
        if not self._sweeping:
            self._swept_all.set()


def _given(folder: Path, uid: int | None) -> Path:
    """Its parent is ours, so what lies there under this name is what we made."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if uid is not None:
        os.chown(folder, uid, uid, follow_symlinks=False)
    return folder
