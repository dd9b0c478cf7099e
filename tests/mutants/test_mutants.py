"""Every mutant applies to the source as it is, and the page lists them all."""

import pytest

from tests.mutants import page
from tests.mutants.guards import MUTANTS
from tests.mutants.mutant import GuardMoved, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)
def test_a_guard_is_where_its_mutant_looks_for_it(mutant: Mutant):
    compile(mutant.mutated(), mutant.file, "exec")


def test_a_guard_that_is_reworded_is_told_at_once():
    gone = Mutant("gone", "nothing", "planning/standing.py", "a text nobody wrote", "")
    with pytest.raises(GuardMoved, match="holds its guard 0 times"):
        gone.mutated()


def test_no_two_mutants_share_a_name():
    assert len({m.name for m in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("rule", [f"R{n}" for n in range(1, 9)])
def test_every_crash_rule_has_a_mutant(rule: str):
    assert any(m.guards.startswith(f"{rule}: ") for m in MUTANTS)


def test_the_page_lists_every_mutant_as_the_code_has_it():
    assert page.told() == page.expected(), "write it anew: make mutants"
