"""Every guard taken out in turn: `python -m bench.mutants`."""

import json
import os
import subprocess
import sys


def main() -> None:
    command = [sys.executable, "-m", "tests.mutants", "--workers", str(os.cpu_count() or 1)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    told = json.loads(done.stdout.splitlines()[-1])
    print(json.dumps({"bench": "mutants", **told, "met": {"caught": not told["not_caught"]}}))


if __name__ == "__main__":
    main()
