"""Two commands at once: each is told whether what it asked for still stands."""

from collections.abc import Callable

import pytest

from setpoint.cli import config, scale, settle
from setpoint.cli.command import Here
from tests.unit.cli.conftest import Cli, Ran, parsed

Deployed = Callable[[str], None]
Raced = Callable[..., Ran]


@pytest.fixture
def raced(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Raced:
    """What somebody asks for, and what others do before that one has begun to wait."""

    def race(mine: str, *theirs: str) -> Ran:
        def settled(here: Here, app: str, verb: str) -> int:
            for module in (scale, config):
                monkeypatch.setattr(module, "settled", settle.settled)
            assert [cli(*line.split()).code for line in theirs] == [0] * len(theirs)
            return settle.settled(here, app, verb)

        for module in (scale, config):
            monkeypatch.setattr(module, "settled", settled)
        return cli(*mine.split())

    return race


def test_who_was_overtaken_is_told_by_whom(raced: Raced, deployed: Deployed) -> None:
    deployed("raced")
    ran = raced("scale raced web=2", "scale raced web=3")
    assert ran.code == 3
    assert "settled" not in ran.out
    first, last = ran.err.splitlines()
    assert first.startswith("raced is not as you asked: c")
    assert "came after it: Scale web to 3, by " in first
    assert last == "what it says now: setpoint why raced formation.web.max"


def test_a_script_reads_it_as_an_outcome(raced: Raced, deployed: Deployed) -> None:
    deployed("script")
    ran = raced("scale script web=2 --json", "scale script web=3")
    assert (ran.code, parsed(ran)["outcome"]) == (3, "overtaken")


def test_what_two_say_of_different_fields_both_stands(raced: Raced, deployed: Deployed) -> None:
    deployed("both")
    ran = raced("scale both web=2", "config both COLOUR=blue")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[-1] == "settled"


def test_who_was_overtaken_and_then_agreed_with_has_what_was_asked(
    raced: Raced, deployed: Deployed
) -> None:
    deployed("agreed")
    there_and_back = ("config agreed COLOUR=blue", "config agreed COLOUR=red")
    assert raced("config agreed COLOUR=red", *there_and_back).code == 0
    assert raced("config agreed COLOUR=red", there_and_back[0]).code == 0, "it made no Change"
    assert raced("config agreed COLOUR=green", there_and_back[0]).code == 3
