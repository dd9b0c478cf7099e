"""Dependencies laid down for a deploy, beside `venv` and `pip install`: `python -m bench.build`.

The same requirements and interpreter, in turn. Warm: everything was downloaded before, and the
layer or the environment is made anew. Cold: nothing was; pip gets an empty cache, and Setpoint's
part is its whole first build, resolving included. Both compile bytecode. The last line is one JSON
object.
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
from setpoint.drivers.local.paths import Paths

REQUIREMENTS = "fastapi==0.121.0\nuvicorn[standard]==0.38.0\n"
GOALS = {"warm_times": 20.0}
NAME = "bench"
SERVER = "import sys\nsys.exit(0)  # {version}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    print(json.dumps(measure(parser.parse_args().rounds)))


def measure(rounds: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        scratch = Path(name)
        pip_cold_s = pip(scratch, scratch / "pip-cache")
        with measured_plane() as plane:
            cold_s = build_s(plane, scratch, "cold")
            warm: list[float] = []
            pip_warm: list[float] = []
            for n in range(rounds):
                shutil.rmtree(Paths.of(plane.data).layers / "deps")
                warm.append(build_s(plane, scratch, f"v{n}"))
                pip_warm.append(pip(scratch, scratch / "pip-cache"))
    result: dict[str, object] = {
        "bench": "build",
        "rounds": rounds,
        "warm_s": warm,
        "pip_warm_s": pip_warm,
        "warm_times": round(statistics.median(pip_warm) / statistics.median(warm), 1),
        "cold_s": cold_s,
        "pip_cold_s": pip_cold_s,
        "cold_times": round(pip_cold_s / cold_s, 1),
        "goals": GOALS,
    }
    return result | {"met": {"warm_times": result["warm_times"] >= GOALS["warm_times"]}}  # pyright: ignore[reportOperatorIssue]


def build_s(plane: Plane, scratch: Path, version: str) -> float:
    """Seconds from the builder's first look at the source to its result."""
    source = scratch / "source"
    source.mkdir(exist_ok=True)
    (source / "requirements.txt").write_text(REQUIREMENTS)
    (source / "Procfile").write_text("job: python main.py\n")
    (source / "main.py").write_text(SERVER.format(version=version))
    plane.ok("deploy", str(source), "-a", NAME)
    results = (Paths.of(plane.data).builds).glob("*.json")
    newest = max((json.loads(f.read_text()) for f in results), key=lambda b: b["started_at_s"])
    assert newest["status"] == "succeeded", newest["message"]
    return round(newest["ended_at_s"] - newest["started_at_s"], 3)


def pip(scratch: Path, cache: Path) -> float:
    """As a buildpack would: an environment of its own, and everything in it."""
    shutil.rmtree(scratch / "venv", ignore_errors=True)
    wanted = scratch / "requirements.txt"
    wanted.write_text(REQUIREMENTS)
    began_s = time.monotonic()
    subprocess.run([sys.executable, "-m", "venv", scratch / "venv"], check=True)
    subprocess.run(
        [scratch / "venv/bin/python", "-m", "pip", "install", "--quiet",
         "--disable-pip-version-check", "--cache-dir", cache, "-r", wanted],
        check=True,
    )  # fmt: skip
    return round(time.monotonic() - began_s, 3)


if __name__ == "__main__":
    main()
