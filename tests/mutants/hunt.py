"""`python -m tests.mutants.hunt NAME [--seed N]`: one mutant, until somebody misses its guard.

Prints one JSON object: caught, the seed and what it violated. Its own process, since a mutant
must be there before anything is imported.
"""

import argparse
import contextlib
import io
import json
import sys

from tests.mutants.guards import MUTANTS
from tests.mutants.mutant import Mutant, install

HISTORIES = 400
"""More than what the rarest guard needed when it was last looked for."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--seed", type=int, default=0, help="the one that caught it last time")
    options = parser.parse_args()
    mutant = next(m for m in MUTANTS if m.name == options.name)
    install(mutant)
    print(json.dumps(_tested(mutant) if mutant.by else _simulated(options.seed)))
    return 0


def _simulated(seed: int) -> dict[str, object]:
    from setpoint.testing.simulate import simulate

    for tried in dict.fromkeys((*([seed] if seed else ()), *range(1, HISTORIES + 1))):
        violations = simulate(tried).violations
        if violations:
            return {"caught": True, "seed": tried, "missed": violations[0]}
    return {"caught": False, "seed": 0, "missed": ""}


def _tested(mutant: Mutant) -> dict[str, object]:
    import pytest

    assert mutant.by is not None
    failed = _Failed()
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main(["-x", "-q", "-p", "no:cacheprovider", *mutant.by.split()], plugins=[failed])
    return {"caught": bool(failed.names), "seed": 0, "missed": ", ".join(failed.names)}


class _Failed:
    """Hears which tests fail."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def pytest_runtest_logreport(self, report) -> None:
        if report.failed:
            self.names.append(report.nodeid.rpartition("::")[2])


if __name__ == "__main__":
    sys.exit(main())
