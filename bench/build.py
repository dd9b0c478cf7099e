"""Dependencies laid down for a deploy, beside `venv` and `pip install`: `python -m bench.build`.

The same requirements and interpreter, in turn. Warm: everything was downloaded before, and the
layer or the environment is made anew. Cold: nothing was; pip gets an empty cache, and Setpoint's
part is its whole first build, resolving included. Changed: one package has a version that nobody
has seen. Compiled: that one was downloaded, too, and is compiled for the first time. Both compile
bytecode. The last line is one JSON object.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.acceptance.plane import Plane

from bench.plane import measured_plane
from setpoint.drivers.builders.bytecode import PACKAGES
from setpoint.drivers.local.paths import Paths

REQUIREMENTS = "fastapi==0.121.0\nuvicorn[standard]==0.38.0\n"
CHANGED = "starlette"
VERSIONS = (
    "0.45.3",
    "0.46.0",
    "0.46.1",
    "0.46.2",
    "0.47.0",
    "0.47.1",
    "0.47.2",
    "0.47.3",
    "0.48.0",
)
"""of the package that changes; the requirements alone resolve to none of these"""
GOALS = {"warm_times": 20.0}
"""For what is there already; the other cases are told without one."""
NAME = "bench"
SERVER = "import sys\nsys.exit(0)  # {version}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    print(json.dumps(measure(parser.parse_args().rounds)))


def measure(rounds: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        scratch = Path(name)
        pip_cold_s = pip(scratch, REQUIREMENTS)
        with measured_plane() as plane:
            cold_s = build_s(plane, scratch, REQUIREMENTS)
            warm = [in_turn(plane, scratch, REQUIREMENTS) for _ in range(rounds)]
            changed: list[Pair] = []
            compiled: list[Pair] = []
            for version in VERSIONS[:rounds]:
                wanted = f"{REQUIREMENTS}{CHANGED}=={version}\n"
                known = bytecode(plane)
                changed.append(in_turn(plane, scratch, wanted))
                for entry in bytecode(plane) - known:
                    entry.unlink()
                compiled.append(in_turn(plane, scratch, wanted))
    result: dict[str, object] = {
        "bench": "build",
        "rounds": rounds,
        **compared("warm", warm),
        **compared("changed", changed),
        **compared("compiled", compiled),
        "cold_s": cold_s,
        "pip_cold_s": pip_cold_s,
        "cold_times": round(pip_cold_s / cold_s, 1),
        "goals": GOALS,
    }
    return result | {"met": {name: result[name] >= goal for name, goal in GOALS.items()}}  # pyright: ignore[reportOperatorIssue]


Pair = tuple[float, float]
"""seconds: ours, and those of pip"""


def in_turn(plane: Plane, scratch: Path, wanted: str) -> Pair:
    """No layer is there any more when the deploy begins."""
    shutil.rmtree(Paths.of(plane.data).layers / "deps")
    return build_s(plane, scratch, wanted), pip(scratch, wanted)


def compared(name: str, pairs: list[Pair]) -> dict[str, object]:
    ours, theirs = ([pair[n] for pair in pairs] for n in (0, 1))
    times = round(statistics.median(theirs) / statistics.median(ours), 1)
    return {f"{name}_s": ours, f"pip_{name}_s": theirs, f"{name}_times": times}


def bytecode(plane: Plane) -> set[Path]:
    """What was compiled of packages, by content."""
    return set((Paths.of(plane.data).cache / "bytecode").glob(f"*/{PACKAGES}/*"))


def build_s(plane: Plane, scratch: Path, wanted: str) -> float:
    """Seconds from the builder's first look at the source, which is new, to its result."""
    source = scratch / "source"
    source.mkdir(exist_ok=True)
    (source / "requirements.txt").write_text(wanted)
    (source / "Procfile").write_text("job: python main.py\n")
    (source / "main.py").write_text(SERVER.format(version=time.time_ns()))
    plane.ok("deploy", str(source), "-a", NAME)
    results = (Paths.of(plane.data).builds).glob("*.json")
    newest = max((json.loads(f.read_text()) for f in results), key=lambda b: b["started_at_s"])
    assert newest["status"] == "succeeded", newest["message"]
    return round(newest["ended_at_s"] - newest["started_at_s"], 3)


def pip(scratch: Path, wanted: str) -> float:
    """As a buildpack would: an environment of its own, and everything in it."""
    shutil.rmtree(scratch / "venv", ignore_errors=True)
    file = scratch / "requirements.txt"
    file.write_text(wanted)
    began_s = time.monotonic()
    subprocess.run([sys.executable, "-m", "venv", scratch / "venv"], check=True)
    subprocess.run(
        [scratch / "venv/bin/python", "-m", "pip", "install", "--quiet",
         "--disable-pip-version-check", "--cache-dir", scratch / "pip-cache", "-r", file],
        check=True,
    )  # fmt: skip
    return round(time.monotonic() - began_s, 3)


if __name__ == "__main__":
    main()
