"""What lies in the data directory, looked at and cleared away by a process beside the supervisor.

The supervisor has one thread and runs as root: it walks through no tree of anybody's. Who looks and
removes is the builder's user, to whom layers, builds and caches belong.
"""

import asyncio
import os
import sys
from pathlib import Path

import msgspec

from setpoint.drivers.local import disk, helper
from setpoint.drivers.local.builds import Builds, Site
from setpoint.formats.control import CollectorJob
from setpoint.model.retention import BUSY, Clearance, Cleared, Stock

RUN_S_MAX = 1800.0


class Collecting:
    def __init__(self, site: Site, builds: Builds) -> None:
        self._site = site
        self._builds = builds
        self._one_at_a_time = asyncio.Lock()

    async def stock(self) -> Stock:
        """Raises Transient."""
        async with self._one_at_a_time:
            seen = msgspec.json.decode(await self._run(None), type=Stock)
            free, total = disk.space(self._site.paths.data)
            return msgspec.structs.replace(
                seen, rooms=await self._rooms(), bytes_free=free, bytes_total=total
            )

    async def clear(self, clearance: Clearance) -> Cleared:
        """Raises Transient."""
        async with self._one_at_a_time:
            if self._builds.under_way:  # also between two of its stages, when nobody holds the lock
                return Cleared(left=BUSY)
            return msgspec.json.decode(await self._run(clearance), type=Cleared)

    async def _run(self, clearance: Clearance | None) -> bytes:
        paths = self._site.paths
        job = CollectorJob(
            layers=str(paths.layers),
            builds=str(paths.builds),
            sources=str(paths.sources),
            cache=str(paths.cache),
            clearance=clearance,
        )
        argv = [sys.executable, "-I", "-m", "setpoint.processes.collector"]
        env = {**os.environ, **self._site.account}
        return await helper.run(
            "look through the disk", argv, env, msgspec.json.encode(job), RUN_S_MAX
        )

    async def _rooms(self) -> dict[str, int]:
        """Bytes by folder. What two of them hold in common counts for the one named first."""
        folders = [folder for folder in self._folders() if folder.is_dir()]
        argv = ["du", "-skx", "--", *(str(folder) for folder in folders)]
        env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
        # 1: something was removed while it looked, and all else is told.
        said = await helper.run("weigh the disk", argv, env, b"", RUN_S_MAX, fine=(0, 1))
        rooms: dict[str, int] = {}
        for line in said.decode(errors="replace").splitlines():
            kib, _, path = line.partition("\t")
            if kib.isdecimal():
                rooms[Path(path).name] = int(kib) * 1024
        return rooms

    def _folders(self) -> tuple[Path, ...]:
        paths = self._site.paths
        return (
            *(paths.layers, paths.cache, paths.sources, paths.builds, paths.build_caches),
            *(paths.trees, paths.logs, paths.private, paths.plane_logs),
        )
