"""Run one part and keep what it found: `python -m bench.run PART`. Parts never run side by side."""

import argparse
import fcntl
import json
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.kept import ALONE, OUT, PARTS, Kept, keep
from bench.machine import busy_cores, load_now, this_machine
from bench.rows import Result

BEFORE_S = 10.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=(*PARTS, *ALONE))
    part = parser.parse_args().part
    with _alone():
        began = Began.now()
        code, last = _show([sys.executable, "-m", f"bench.{part}"])
        if code != 0:
            print(f"cannot measure {part}: it ended with code {code}", file=sys.stderr)
            return 1
        began.keep(part, json.loads(last))
    return 0


@dataclass(frozen=True)
class Began:
    """How it was right before. `at_s`: monotonic; `busy`: cores that others used."""

    at: str
    at_s: float
    busy: float
    load: float

    @classmethod
    def now(cls) -> "Began":
        """Looks for `BEFORE_S`."""
        busy, load = busy_cores(BEFORE_S), load_now()
        return cls(time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), time.monotonic(), busy, load)

    def keep(self, part: str, result: Result) -> None:
        took_s, load = round(time.monotonic() - self.at_s, 1), (self.load, load_now())
        keep(Kept(part, self.at, took_s, this_machine(), load, self.busy, result))


@contextmanager
def _alone() -> Generator[None]:
    """`make -j` starts them all at once; each would measure the others."""
    OUT.mkdir(exist_ok=True)
    with (OUT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _show(command: list[str]) -> tuple[int, str]:
    """Pass its output on as it comes; its exit code and last line."""
    last = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            last = line
    return process.returncode, last


if __name__ == "__main__":
    sys.exit(main())
