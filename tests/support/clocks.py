"""A Python of which the clock is the test's: every process that it starts goes by that one too."""

import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

MOVED = """
import time
_clock, _time, _gettime = {file!r}, time.time, time.clock_gettime

def _ahead_s():
    with open(_clock) as file:
        return float(file.read() or 0.0)

time.time = lambda: _time() + _ahead_s()
time.clock_gettime = lambda which: _gettime(which) + (
    _ahead_s() if which == time.CLOCK_REALTIME else 0.0
)
"""


@dataclass(frozen=True)
class Clock:
    """Only the time of day is set, as an operator does: seconds since boot go on."""

    python: Path
    file: Path

    def set(self, ahead_s: float) -> None:
        new = self.file.with_suffix(".new")
        new.write_text(str(ahead_s))
        new.chmod(0o644)
        new.rename(self.file)


def clocked_python(folder: Path) -> Clock:
    """An environment of its own in `folder`, with all that this one has."""
    file = folder / "clock"
    venv.create(folder / "python", symlinks=True)
    site = next((folder / "python").glob("lib/python3*/site-packages"))
    (site / "moved_clock.py").write_text(MOVED.format(file=str(file)))
    here = sysconfig.get_path("purelib")
    (site / "moved_clock.pth").write_text(
        f"import site; site.addsitedir({here!r})\nimport moved_clock\n"
    )
    clock = Clock(folder / "python" / "bin" / Path(sys.executable).name, file)
    clock.set(0.0)
    return clock
