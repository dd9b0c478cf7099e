"""A process of Setpoint on a clock that a test moves: python on_clock.py FILE MODULE

FILE holds two numbers, seconds: by how much the clock was set, and how much time went by beside
what really does. Setting it moves the wall clock alone, as an operator does.
"""

import runpy
import sys
import time
from pathlib import Path

clock, module = Path(sys.argv[1]), sys.argv[2]
_time, _monotonic, _clock_gettime = time.time, time.monotonic, time.clock_gettime


def _moved() -> tuple[float, float]:
    set_s, passed_s = clock.read_text().split()
    return float(set_s), float(passed_s)


def _gettime(which: int) -> float:
    set_s, passed_s = _moved()
    return _clock_gettime(which) + passed_s + (set_s if which == time.CLOCK_REALTIME else 0.0)


time.time = lambda: _time() + sum(_moved())
time.monotonic = lambda: _monotonic() + _moved()[1]
time.clock_gettime = _gettime
sys.argv[1:] = []
runpy.run_module(module, run_name="__main__")
