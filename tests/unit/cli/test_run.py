"""`setpoint run`, `ps` and `stop`, as far as they go without a terminal."""

import pytest

from setpoint.cli.run import arrange
from tests.support.waiting import until
from tests.unit.cli.conftest import Cli, parsed


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("shop ls -la", "--app shop -- ls -la"),
        ("shop -- ls -la", "--app shop -- ls -la"),
        ("shop -d -e A=1 -- ls --json", "-d -e A=1 --app shop -- ls --json"),
        ("-d shop -s basic ls -d", "-d -s basic --app shop -- ls -d"),
        ("-a shop ls -a", "-a shop -- ls -a"),
        ("-a shop -- ls", "-a shop -- ls"),
        ("--app=shop ls shop", "--app=shop -- ls shop"),
        ("shop --no-tty bash -c true", "--no-tty --app shop -- bash -c true"),
        ("-- ls", "-- ls"),
        ("shop", "--app shop"),
    ],
)
def test_options_stand_before_the_command_and_the_rest_is_its_own(said: str, meant: str) -> None:
    assert arrange(said.split()) == meant.split()


def test_a_detached_job_is_told_shown_and_stopped(cli: Cli, deployed) -> None:
    deployed("jobs")
    ran = cli("run", "-d", "jobs", "--json", "--", "sleep", "1 0")
    assert ran.code == 0
    job = parsed(ran)
    assert job["command"] == "sleep '1 0'"
    until(lambda: job["dyno"] in cli("ps", "jobs").out)
    shown = parsed(cli("ps", "jobs", "--json"))
    assert {d["name"] for d in shown["dynos"]} == {"web.1", job["dyno"]}
    assert cli("stop", "jobs", job["dyno"]).code == 0
    until(lambda: "ended:" in cli("ps", "jobs").out)


def test_what_is_meant_is_asked_for_before_anything_is_sent(cli: Cli, deployed) -> None:
    deployed("asks")
    for words, fact in (
        (("run", "asks"), "none was given"),
        (("run", "--", "ls"), "cannot tell which app"),
        (("run", "asks", "-e", "A", "--", "ls"), "it is not KEY=VALUE"),
        (("run", "-d", "asks", "-s", "huge", "ls"), "is no dyno size"),
        (("stop", "asks"), "no dyno was named"),
        (("stop", "asks", "web.7"), "no such dyno is running"),
        (("ps", "nope"), "no such app"),
    ):
        ran = cli(*words)
        assert ran.code == 2, ran
        assert fact in ran.err
