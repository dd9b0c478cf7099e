"""`python -m tests.mutants [NAME...]`: every mutant on every core; exit 1 if one is not caught.

Prints a line for each as it is caught, and one JSON object last. All of them: docs/mutants.md is
written anew.
"""

import argparse
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from tests.mutants import page
from tests.mutants.guards import MUTANTS
from tests.mutants.mutant import Mutant
from tests.mutants.page import Catch

HUNT_S_MAX = 300.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    chosen = [m for m in MUTANTS if not options.names or m.name in options.names]
    for mutant in chosen:
        mutant.mutated()
    started_s = time.perf_counter()
    with ThreadPoolExecutor(options.workers) as pool:
        caught = dict(zip([m.name for m in chosen], pool.map(_hunted, chosen), strict=True))
    if not options.names and all(c.caught for c in caught.values()):
        page.write(caught)
    told = {
        "mutants": len(chosen),
        "caught": sum(c.caught for c in caught.values()),
        "not_caught": [name for name, c in caught.items() if not c.caught],
        "seconds": round(time.perf_counter() - started_s, 1),
    }
    print(json.dumps(told))
    return 0 if told["mutants"] == told["caught"] else 1


def _hunted(mutant: Mutant) -> Catch:
    seed = page.seeds().get(mutant.name, 0)
    command = [sys.executable, "-m", "tests.mutants.hunt", mutant.name, "--seed", str(seed)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=HUNT_S_MAX, check=False
        )
        catch = Catch(**json.loads(done.stdout.splitlines()[-1]))
    except (subprocess.TimeoutExpired, IndexError, ValueError) as error:
        catch = Catch(False, 0, f"the hunt broke off: {error!r}")
    where = f"seed {catch.seed}" if catch.seed else mutant.by or ""
    print(
        f"{mutant.name}: {where if catch.caught else 'NOT CAUGHT'}: {catch.missed[:160]}",
        flush=True,
    )
    return catch


if __name__ == "__main__":
    sys.exit(main())
