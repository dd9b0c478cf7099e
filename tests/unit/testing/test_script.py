"""A script is read line by line, and what is wrong with one is said with its number."""

import pytest

from setpoint.model.errors import Invalid
from setpoint.testing.rehearsal import acts, script


def act(line: str) -> acts.Act:
    (read,) = script.read(line, "it.txt")
    assert read.act is not None
    return read.act


def refusal(text: str) -> str:
    with pytest.raises(Invalid) as refused:
        script.read(text, "it.txt")
    return str(refused.value)


def test_each_act_becomes_a_value() -> None:
    assert act("scale shop web=0..2 --idle 1m") == acts.Scale(
        "shop", (acts.Size("web", 0, 2, None, 60.0),)
    )
    assert act("fault daemon dies before ensure-route for 10s") == acts.DaemonDies(
        10.0, "before", "ensure-route"
    )
    assert act("fault start-build slow 3s --times 2") == acts.Mishap("start-build", "slow", 3.0, 2)
    assert act("fault clock jumps -1h") == acts.ClockJumps(-3600.0)
    assert act("config shop A=b=c --unset D") == acts.Config("shop", {"D": None, "A": "b=c"})
    assert act("run shop 'rake x' --forever") == acts.Run("shop", "rake x", None)


def test_functions_and_workers_are_told_apart_by_their_names() -> None:
    deployed = act("deploy shop web,clock,greet(),release --broken")
    assert isinstance(deployed, acts.Deploy)
    kinds = [(t.name, t.kind) for t in deployed.types]
    assert kinds == [
        ("web", "web"),
        ("clock", "worker"),
        ("greet", "function"),
        ("release", "release"),
    ]


def test_a_comment_stays_and_an_empty_line_goes() -> None:
    lines = script.read("\n# why not\nsettle # now\n\n", "it.txt")
    assert [(line.number, line.shown) for line in lines] == [(2, "# why not"), (3, "settle # now")]


def test_a_config_value_is_not_shown_again() -> None:
    (line,) = script.read("config shop TOKEN=hunter2 --unset OLD", "it.txt")
    assert "hunter2" not in line.shown
    assert "TOKEN=***" in line.shown


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "settle\ndepoly shop",
            "line 2: 'depoly' is nothing that can be done\ndid you mean: deploy",
        ),
        ("fault deamon dies", "nothing goes wrong with 'deamon'\ndid you mean: daemon"),
        ("fault daemon dies before ensure-routes", "did you mean: ensure-route"),
        ("fault daemon lives", "'lives' stands where 'dies' should"),
        ("fault clock jumps 1h", "says neither + nor -"),
        ("wait soon", "'soon' is no length of time"),
        ("wait", "how long is missing\nwrite: wait 5s"),
        ("scale shop web", "'web' says no number"),
        ("scale shop", "the number is missing"),
        ("deploy shop web --build", "--build needs a value"),
        ("deploy shop web --cron often", "'often' is no schedule"),
        ("deploy shop ()", "'()' is no process type"),
        ("deploy shop --brokn", "'--brokn' is no process type"),
        ("destroy shop now", "'now' is one word too many"),
        ("config shop TOKEN", "'TOKEN' has no value"),
        ("request shop web --times 0", "is not a whole number from 1 to 1000"),
        ("run shop 'rake", "a quote is not closed"),
        ("maintenance shop maybe", "is neither on nor off"),
        ("\x1b[2J", "'\\x1b[2J' is nothing that can be done"),
    ],
)
def test_what_is_wrong_is_said_with_the_next_step(text: str, told: str) -> None:
    assert told in refusal(text)
    assert refusal(text).startswith("cannot read it.txt line ")


def test_a_script_is_bounded_in_lines_and_in_its_time() -> None:
    assert "at most 1000 are taken" in refusal("settle\n" * 1001)
    assert "more than 7 days" in refusal("wait 4d\nwait 4d")
