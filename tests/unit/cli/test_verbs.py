"""rename, maintenance, restart of a type, open, apps: what is said and what was done."""

import webbrowser
from collections.abc import Callable

import pytest

from setpoint.cli.output import Output
from setpoint.model.release import ProcessType
from setpoint.model.text import when
from tests.support.plane import Plane
from tests.unit.cli.conftest import Cli, Project, parsed

Deployed = Callable[[str], None]


def ids(cli: Cli, app: str) -> dict[str, str]:
    return {d["name"]: d["id"] for d in parsed(cli("info", app, "--json"))["dynos"]}


def test_a_rename_replaces_no_instance(plane: Plane, cli: Cli, deployed: Deployed) -> None:
    deployed("older")
    before = ids(cli, "older")
    ran = cli("rename", "older", "newer", "-m", "brand")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[0] == "older is called newer now"
    assert f"http://newer.localhost:{plane.visits.server_port}" in ran.out
    assert ids(cli, "newer") == before
    assert cli("info", "older").code == 2
    assert "older is called newer now" in cli("why", "newer", "-n", "1").out


def test_a_frozen_app_says_who_froze_it_and_why_and_what_waits(
    cli: Cli, deployed: Deployed
) -> None:
    deployed("kept")
    ran = cli("freeze", "kept", "--until", "2h", "-m", "we look for a leak")
    assert (ran.code, ran.err) == (0, "")
    told = cli("status", "kept").out
    assert "settled, frozen" in told
    assert "frozen by " in told
    assert "UTC (c" in told
    assert "we look for a leak" in told
    shown = parsed(cli("status", "kept", "--json"))["upkeep"]
    assert shown["why"] == "we look for a leak"
    assert f" until {when(shown['until_s'])} (c" in told
    assert shown["until_s"] - shown["since_s"] == pytest.approx(7200, abs=1)
    assert "frozen" in cli("apps").out
    scaled = cli("scale", "kept", "web=2")
    assert scaled.code == 3
    assert "so this waits: web is kept at 1, 2 is intended; setpoint unfreeze kept" in scaled.err
    refused = cli("destroy", "kept", "--confirm", "kept")
    assert (refused.code, refused.err) == (
        2,
        "cannot destroy 'kept': it is frozen\nfirst: setpoint unfreeze kept\n",
    )
    assert cli("unfreeze", "kept").code == 0
    assert [d["name"] for d in parsed(cli("info", "kept", "--json"))["dynos"]] == ["web.1", "web.2"]
    assert "frozen" not in cli("status", "kept").out
    assert "Freeze kept until" in cli("why", "kept", "-n", "3").out


def test_a_freeze_ends_in_a_time_to_come(cli: Cli) -> None:
    cli("create", "soon")
    assert cli("freeze", "soon", "--until", "later").err.startswith(
        "cannot freeze 'soon': 'later' is no time"
    )
    nothing = cli("freeze", "soon", "--until", "")
    assert (nothing.code, nothing.err.splitlines()[0]) == (
        2,
        "cannot freeze 'soon': --until says no time",
    )
    assert "frozen" not in cli("status", "soon").out
    past = cli("freeze", "soon", "--report", "--until", "2020-01-01T00:00")
    assert past.err.startswith("cannot stop repairing 'soon': '2020-01-01T00:00' is over")
    assert cli("freeze", "soon", "--report").code == 0
    assert "drift only reported" in cli("status", "soon").out


def test_a_bad_or_taken_name_is_refused(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("create", "mine")
    cli("create", "theirs")
    assert cli("rename", "mine", "theirs").err == (
        "cannot rename 'mine' to 'theirs': the name is taken\n"
    )
    assert cli("rename", "-a", "mine", "No!").err.startswith("cannot rename 'mine' to 'No!'")
    assert cli("rename", "mine").err.startswith("cannot rename 'mine': no new name was given")
    monkeypatch.setenv("SETPOINT_APP", "mine")
    assert cli("rename", "ours").out.startswith("mine is called ours now")


def test_maintenance_is_shown_wherever_an_app_is(cli: Cli, deployed: Deployed) -> None:
    deployed("upkeep")
    assert cli("maintenance", "upkeep").out == "off\n"
    assert cli("maintenance", "upkeep", "on").code == 0
    assert parsed(cli("maintenance", "-a", "upkeep", "--json"))["maintenance"] is True
    for told in (
        cli("status", "upkeep").out,
        cli("status").out,
        cli("info", "upkeep").out,
        cli("apps").out,
    ):
        assert "settled, in maintenance" in told
    assert cli("maintenance", "off", "-a", "upkeep").code == 0
    assert "maintenance" not in cli("status", "upkeep").out
    assert cli("maintenance", "upkeep", "maybe").err.startswith(
        "cannot switch maintenance of 'upkeep': 'maybe' is neither on nor off"
    )


def test_one_type_is_restarted_and_the_others_go_on(
    plane: Plane, cli: Cli, deployed: Deployed
) -> None:
    plane.supervisor.processes = (
        ProcessType("web", "web", "serve"),
        ProcessType("worker", "worker", "work"),
    )
    deployed("mixed")
    assert cli("scale", "mixed", "worker=1").code == 0
    before = ids(cli, "mixed")
    ran = cli("restart", "mixed", "worker")
    assert (ran.code, ran.out.splitlines()[0]) == (0, "restarting worker of mixed")
    after = ids(cli, "mixed")
    assert after["web.1"] == before["web.1"]
    assert after["worker.1"] != before["worker.1"]
    assert cli("restart", "mixed", "web.1").code == 0
    assert ids(cli, "mixed")["web.1"] != before["web.1"]
    assert "no such dyno is running" in cli("restart", "mixed", "web.7").err
    assert "it has no process 'clock'" in cli("restart", "mixed", "clock").err


def test_open_prints_the_url_and_opens_nothing_off_a_terminal(
    plane: Plane, cli: Cli, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setenv("BROWSER", "true")
    deployed("window")
    url = f"http://window.localhost:{plane.visits.server_port}"
    assert cli("open", "window").out == f"{url}/\n"
    assert cli("open", "window", "/a b?q=1").out == f"{url}/a%20b?q=1\n"
    assert opened == []
    monkeypatch.setattr(Output, "__init__", _on_a_terminal)
    assert cli("open", "window", "orders").out == f"{url}/orders\n"
    assert opened == [f"{url}/orders"]


_plain = Output.__init__


def _on_a_terminal(self: Output, **options: object) -> None:
    _plain(self, **options)  # type: ignore[arg-type]
    self.on_terminal = True


def test_open_of_functions_says_how_to_invoke_them(
    plane: Plane, cli: Cli, project: Project
) -> None:
    plane.supervisor.processes = (ProcessType("greet", "function", runtime="python"),)
    assert cli("deploy", str(project("fns")), "-a", "fns").code == 0
    assert cli("open", "fns").out == "setpoint invoke fns/greet\n"
    cli("create", "blank")
    assert cli("open", "blank").err.startswith("cannot open 'blank': nothing is deployed yet")


def test_apps_tell_release_and_state(cli: Cli, deployed: Deployed) -> None:
    deployed("listed")
    line = next(x for x in cli("apps").out.splitlines() if x.startswith("listed "))
    assert line.split()[2:] == ["v1", "settled"]


def test_an_apps_own_past_tells_what_is_usual(cli: Cli, deployed: Deployed) -> None:
    deployed("past")
    for value in "abc":
        assert parsed(cli("info", "past", "--json"))["usual"].keys() == set()
        assert cli("config", "past", f"A={value}").code == 0
    usual = parsed(cli("info", "past", "--json"))["usual"]
    assert usual.keys() == {"configure"}
    assert usual["configure"]["count"] == 3
    assert 0 < usual["configure"]["median_s"] <= usual["configure"]["p90_s"] < 60
