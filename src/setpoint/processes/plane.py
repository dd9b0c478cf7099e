"""The plane about itself: which of its processes run, since when and how big. Read from /proc."""

import contextlib
import json
import os
from pathlib import Path

from setpoint.drivers.local.paths import Paths
from setpoint.processes.preflight import start_time

_PAGE_BYTES = os.sysconf("SC_PAGESIZE")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def plane_facts(paths: Paths) -> list[dict[str, object]]:
    """One row per process the keeper recorded. Bytes, seconds. Dead ones have `up_s` None. `why`:
    what was wrong with the one before, where the keeper ended it."""
    rows: list[dict[str, object]] = []
    for record in sorted(paths.plane.glob("*.json")):
        with contextlib.suppress(OSError, ValueError, KeyError):
            entry = json.loads(record.read_text(encoding="utf-8"))
            row = _row(record.stem, entry["pid"], entry["start"])
            rows.append(row | {"why": entry.get("why", "")})
    return rows


def _row(name: str, pid: int, start: int) -> dict[str, object]:
    if start_time(pid) != start:
        return {"name": name, "pid": pid, "up_s": None, "rss_bytes": 0, "uid": None}
    uptime_s = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return {
        "name": name,
        "pid": pid,
        "up_s": round(uptime_s - start / _TICKS_PER_S, 1),
        "rss_bytes": pages * _PAGE_BYTES,
        "uid": Path(f"/proc/{pid}").stat().st_uid,
    }
