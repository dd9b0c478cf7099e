"""A hundred thousand crash points in the simulated world: `python -m bench.simulate`."""

import json
import os
import subprocess
import sys

POINTS = 100_000
GOALS = {"points": POINTS, "violations": 0, "per_second_per_core": 300.0}


def main() -> None:
    words = ["--points", str(POINTS), "--workers", str(os.cpu_count() or 1)]
    command = [sys.executable, "-m", "setpoint.testing.simulate", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    told = json.loads(done.stdout.splitlines()[-1])
    met = {
        "points": told["points"] >= GOALS["points"],
        "violations": told["violations"] == 0,
        "per_second_per_core": told["per_second_per_core"] >= GOALS["per_second_per_core"],
    }
    print(json.dumps({"bench": "simulate", **told, "goals": GOALS, "met": met}))


if __name__ == "__main__":
    main()
