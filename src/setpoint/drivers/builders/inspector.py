"""One look at all layers in use: what was altered is marked, and what was set aside goes once
nothing runs on it."""

import contextlib
import shutil
from pathlib import Path

from setpoint.drivers.builders import laid
from setpoint.drivers.builders.laid import Laid
from setpoint.formats.control import Inspection


def inspect(job: Inspection, now_s: float) -> None:
    """`now_s`: unix seconds."""
    folder = Path(job.layers)
    for name in job.wanted:
        if (layer := Laid.named(folder, name)) is not None:
            with contextlib.suppress(OSError):  # the next look may do better
                laid.look(layer, now_s)
    for kind in laid.KINDS:
        for path in (folder / kind).glob(f"{laid.ASIDE}*"):
            _clear(path, job, now_s)


def _clear(aside: Path, job: Inspection, now_s: float) -> None:
    with contextlib.suppress(FileNotFoundError):
        seen = aside.lstat()
        if seen.st_ino not in job.inodes and now_s - seen.st_ctime > job.aside_s_min:
            shutil.rmtree(aside, ignore_errors=True)
