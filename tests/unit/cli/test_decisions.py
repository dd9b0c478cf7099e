"""Decisions from the command line: recorded, asked for, looked after."""

import pytest

from tests.support.plane import Plane
from tests.unit.cli.conftest import Cli, parsed

DAY_S = 86_400.0


@pytest.fixture
def decided(cli: Cli) -> str:
    """A decision with a bet, on an app of its own; its label."""
    cli("create", "betting")
    words = ("-m", "called so for the fair", "--on", "betting:name", "--revisit", "30d")
    bet = ("--bet", "the fair is in May", "--wrong-if", "it is not", "--if-wrong", "rename it")
    made = cli("decide", *words, *bet, "--json")
    assert (made.code, made.err) == (0, "")
    return f"d-{parsed(made)['seq']}"


def test_a_decision_is_told_by_its_name_and_by_what_it_governs(cli: Cli, decided: str) -> None:
    told = cli("why", decided).out
    assert told.startswith(f"{decided} called so for the fair\n")
    assert "    governs  betting:name\n" in told
    assert f"    decided  {decided} called so for the fair\n" in cli("why", "betting", "name").out
    assert parsed(cli("why", decided, "--json"))["decision"]["decided"]["bet"]["if_wrong"]


def test_bets_are_listed_and_end_with_what_was_to_be_done(cli: Cli, decided: str) -> None:
    assert f"{decided}  called so" in cli("bets").out
    assert f"{decided}  called so" in cli("bets", "betting").out
    assert cli("bets", "--due").code == 0
    lost = cli("bet", "lost", decided, "-m", "it was in June")
    assert lost.out.splitlines() == [
        f"the bet of {decided}: lost",
        "what was to be done then: rename it",
    ]
    due = cli("bets", "--due")
    assert due.code == 3
    assert f"{decided}  called so" in due.out
    assert "lost, said dev@example.com, just now" in due.out
    assert "bets: 1 lost; see: setpoint bets --due" in cli("status").out
    assert cli("decide", "-m", "called so for good", "--supersedes", decided).code == 0
    assert cli("bets", "--due").out == "no bet is due, and none is lost\n"
    assert "bets:" not in cli("status").out
    assert decided in cli("bets", "--all").out


def test_a_decision_is_verified_and_questioned(cli: Cli, decided: str, plane: Plane) -> None:
    asked = cli("question", decided, "-m", "is it still May?")
    assert asked.out.startswith("asked; dev@")
    assert f"somebody asks whether {decided} still holds" in cli("why", "betting", "--stale").out
    assert cli("verify", decided, "-m", "the calendar says so").code == 0
    assert "name" not in cli("why", "betting", "--stale").out
    assert ": the calendar says so" in cli("why", decided).out
    cli("bet", "held", decided)


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (("verify", "seven"), "that is no decision"),
        (("verify", "d-999"), "there is no d-999"),
        (("why", "d-999"), "there is no d-999"),
        (("bet", "extend", "d-999"), "there is no d-999"),
        (("bet", "won", "d-1"), "invalid choice"),
        (("decide", "-m", "x y z", "--revisit", "30d"), "there is no bet"),
        (("decide", "-m", ""), "there are no words"),
        (("bets", "no-such-app"), "no such app"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(
    cli: Cli, decided: str, words: tuple[str, ...], fact: str
) -> None:
    ran = cli(*words)
    assert (ran.code, ran.out) == (2, "")
    assert fact in ran.err
    cli("bet", "held", decided)


def test_a_digest_is_told_once_unless_it_is_kept(cli: Cli) -> None:
    cli("create", "digested", "-m", "the fair has a shop")
    assert ": the fair has a shop" in cli("digest", "--keep").out
    assert ": the fair has a shop" in cli("digest").out
    again = cli("digest", "--json")
    assert parsed(again)["changed"] == []
    cli("decide", "-m", "a name for the fair", "--on", "digested")
    assert "a name for the fair — stands" in cli("digest", "--new").out
