"""The last outcome of each part, kept in `bench/out` for the report."""

from pathlib import Path
from typing import Any

import msgspec

from bench.machine import Machine

OUT = Path(__file__).parent / "out"
PARTS = (
    "sandbox", "cold", "edge", "adopt", "memory", "redeploy", "rollback", "build", "store", "steps",
    "why", "api", "push",
)  # fmt: skip


ALONE = ("simulate", "mutants")
"""By `make bench-simulate` and `make bench-mutants`: they measure nothing of the real parts."""
BY_OTHERS = ("soak", *ALONE)
"""Kept by what measures them, which is no part of `make bench`."""


class Kept(msgspec.Struct, frozen=True):
    """`result`: the part's last line. `load`: of one minute, right before and right after;
    `busy_cores`: by others, right before."""

    part: str
    at: str
    took_s: float
    machine: Machine
    load: tuple[float, float]
    busy_cores: float
    result: dict[str, Any]


def keep(kept: Kept, folder: Path = OUT) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{kept.part}.json").write_bytes(msgspec.json.encode(kept))


def load(folder: Path = OUT) -> dict[str, Kept]:
    """By part; a part that never ran is missing."""
    files = {part: folder / f"{part}.json" for part in (*PARTS, *BY_OTHERS)}
    return {
        part: msgspec.json.decode(file.read_bytes(), type=Kept)
        for part, file in files.items()
        if file.exists()
    }
