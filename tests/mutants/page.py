"""docs/mutants.md: every guard, and what misses it. Written by `make mutants`, read by a test."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.mutants.guards import MUTANTS
from tests.mutants.mutant import Mutant

PAGE = Path(__file__).parents[2] / "docs" / "mutants.md"

HEAD = """\
# Mutants: what each guard is for, and who misses it
Written by `make mutants`: it takes one guard at a time out of the source and plays histories in
the simulated world until something happens that must never happen. The seed is the first history
that missed it (`python -m tests.mutants.hunt NAME` plays them). Some are missed by a test
instead: the simulated world does not hold what they guard against, or does so too rarely. If
nobody misses a guard, `make mutants` fails.

R1 to R8 are the crash rules. R1: the entry is committed before the effect. R2: right before each
effect one looks whether it is still wanted. R3: fences; twice is once, and older never wins. R4:
what is removed goes by the name that it was given, and by when it began, not by an answer that may
be lost. R5: an outcome that nobody knows is looked up. R6: what is ours and nobody's is collected,
after a grace. R7: what a pass reads is no older than what woke it, or it looks again. R8: time
limits, and retries that are not in step.

| mutant | without it, this is lost | where | missed by |
|---|---|---|---|
"""


class Catch(NamedTuple):
    """`seed`: 0 where a test missed the guard. `missed`: the violation, or which test failed."""

    caught: bool
    seed: int
    missed: str


def write(caught: Mapping[str, Catch]) -> None:
    PAGE.write_text(HEAD + "".join(_row(m, caught[m.name]) for m in MUTANTS))


def seeds() -> dict[str, int]:
    """By mutant, as last written."""
    text = PAGE.read_text() if PAGE.exists() else ""
    found = re.findall(r"^\| `([a-z0-9-]+)` \|.*\| seed (\d+) \|$", text, re.MULTILINE)
    return {name: int(seed) for name, seed in found}


def told() -> list[str]:
    """The page's rows without what missed each guard."""
    rows = [row for row in PAGE.read_text().splitlines() if row.startswith("| `")]
    return [row.rpartition(" | ")[0] for row in rows]


def expected() -> list[str]:
    return [_row(m, Catch(True, 1, "")).strip().rpartition(" | ")[0] for m in MUTANTS]


def _row(mutant: Mutant, catch: Catch) -> str:
    by = f"seed {catch.seed}" if catch.seed else f"`{mutant.by}`"
    return f"| `{mutant.name}` | {mutant.guards} | `{mutant.file}` | {by} |\n"
