"""Every other command: exit code, what is printed, and what it did."""

import re
from collections.abc import Callable

import pytest

from setpoint.cli.main import COMMANDS
from setpoint.formats.control import LogLine
from setpoint.model.errors import Transient
from setpoint.model.release import ProcessType
from tests.support.plane import Plane
from tests.support.waiting import until
from tests.unit.cli.conftest import Cli, Project, parsed

Deployed = Callable[[str], None]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example_and_json(
    cli: Cli, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli(command, "--help")
    told = capsys.readouterr().out
    assert ended.value.code == 0
    assert f"usage: setpoint {command}" in told
    assert f"example:\n  setpoint {command}" in told
    assert "--json" in told


def test_create_makes_an_app_and_says_what_next(plane: Plane, cli: Cli) -> None:
    ran = cli("create", "fresh", "-m", "for the fair")
    assert (ran.code, ran.err) == (0, "")
    assert "created fresh" in ran.out
    assert plane.unit("fresh") is not None
    again = cli("create", "fresh")
    assert again.code == 2
    assert again.err.startswith("cannot create 'fresh': ")


def test_apps_lists_them(cli: Cli) -> None:
    cli("create", "one-of-many")
    where = {words[0]: words[1] for words in map(str.split, cli("apps").out.splitlines())}
    assert where["one-of-many"].startswith("http://one-of-many.localhost")
    assert "one-of-many" in {a["name"] for a in parsed(cli("apps", "--json"))}


def test_config_is_set_unset_and_shown(plane: Plane, cli: Cli, deployed: Deployed) -> None:
    deployed("conf")
    ran = cli("config", "conf", "A=1", "B=x=y", "--unset", "NOTHING", "-m", "trial")
    assert ran.code == 0, ran.err
    assert plane.config("conf") == {"A": "1", "B": "x=y"}
    assert cli("config", "conf", "--unset", "A").code == 0
    assert cli("config", "conf").out == "B=x=y\n"
    assert parsed(cli("config", "conf", "--json")) == {"B": "x=y"}
    assert parsed(cli("info", "conf", "--json"))["release"]["label"] == "v3"


@pytest.mark.parametrize("pair", ["A B=1", "A\nB=1", "=1", "1A=1"])
def test_a_bad_config_key_is_refused_and_changes_nothing(plane: Plane, cli: Cli, pair: str) -> None:
    cli("create", "strict")
    before = plane.unit("strict")
    ran = cli("config", "strict", pair)
    assert ran.code == 2
    assert ran.err.startswith("cannot configure 'strict': ")
    assert plane.unit("strict") == before


def test_config_without_a_pair_is_refused(cli: Cli) -> None:
    assert cli("config", "strict", "A").err.startswith("cannot configure 'strict': 'A' is not KEY")


def test_scale_waits_until_it_is_so(plane: Plane, cli: Cli, deployed: Deployed) -> None:
    deployed("wide")
    ran = cli("scale", "wide", "web=2", "--idle", "30")
    assert ran.code == 0, ran.err
    assert "settled" in ran.out
    info = parsed(cli("info", "wide", "--json"))
    assert [d["name"] for d in info["dynos"] if d["state"] == "up"] == ["web.1", "web.2"]
    unit = plane.unit("wide")
    assert unit is not None
    assert unit.intent.formation["web"].idle_s == 30
    assert cli("scale", "wide").out.split() == ["web", "2", "Basic", "serve"]


def test_scale_goes_up_and_down_as_on_heroku(cli: Cli, deployed: Deployed) -> None:
    deployed("stepped")
    assert cli("scale", "web+2", "-a", "stepped").code == 0
    assert cli("scale", "stepped", "web-1:standard-2x").code == 0
    assert cli("scale", "stepped").out.split()[:3] == ["web", "2", "Standard-2X"]


@pytest.mark.parametrize("option", ["--idle", "--boot-timeout"])
def test_a_scale_option_without_a_type_is_refused(cli: Cli, option: str) -> None:
    ran = cli("scale", "shop", option, "3")
    assert ran.code == 2
    assert ran.err.startswith(f"cannot scale 'shop': {option} was given, and no process type")


def test_more_than_there_is_room_for_is_accepted_and_unmet(
    plane: Plane, cli: Cli, deployed: Deployed
) -> None:
    deployed("huge")
    ran = cli("scale", "huge", "web=50")
    assert ran.code == 3
    assert "unmet: formation.web.max: wanted 50, offered 20" in ran.err
    status = cli("status", "huge")
    assert status.code == 3
    assert "unmet" in status.out
    assert "setpoint gaps huge" in ran.err
    gaps = cli("gaps", "huge")
    assert gaps.code == 3
    assert "huge  formation.web.max: wanted 50, offered 20, nearest 20" in gaps.out
    why = cli("why", "huge", "formation.web.max").out
    assert "intended 50 · granted 20 · actual 20" in why
    assert "would end here" not in why
    demand = cli("gaps", "--by", "capability")
    assert re.search("instances_max  wanted by [0-9]+ app", demand.out)
    (told,) = parsed(cli("gaps", "huge", "--json"))["capabilities"]
    assert (told["capability"], told["apps"]) == ("instances_max", 1)
    assert cli("scale", "huge", "web=1").code == 0
    assert cli("gaps", "huge").code == 0


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("web=-1", "web=-1 is not a whole number"),
        ("web=many", "web=many is not a whole number"),
        ("web=3..1", "ends before it begins"),
        ("nosuch=1", "no process 'nosuch'"),
        ("web=1:gigantic", "'gigantic' is no dyno size"),
    ],
)
def test_a_bad_scale_is_refused_and_changes_nothing(
    plane: Plane, cli: Cli, deployed: Deployed, word: str, told: str
) -> None:
    if plane.unit("rigid") is None:
        deployed("rigid")
    before = plane.unit("rigid")
    ran = cli("scale", "rigid", word)
    assert ran.code == 2
    assert told in ran.err
    assert plane.unit("rigid") == before


def test_restart_replaces_what_runs(plane: Plane, cli: Cli, deployed: Deployed) -> None:
    deployed("again")
    before = {d["id"] for d in parsed(cli("info", "again", "--json"))["dynos"]}
    assert cli("restart", "again").code == 0
    until(lambda: not before & {d["id"] for d in parsed(cli("info", "again", "--json"))["dynos"]})


def test_destroy_wants_the_name_twice_and_waits_until_it_is_gone(
    plane: Plane, cli: Cli, deployed: Deployed
) -> None:
    deployed("doomed")
    wrong = cli("destroy", "doomed", "--confirm", "spared")
    assert wrong.code == 2
    assert "repeat with --confirm doomed" in wrong.err
    assert cli("info", "doomed").code == 0
    ran = cli("destroy", "doomed", "--confirm", "doomed")
    assert ran.code == 0, ran.err
    assert ran.out.endswith("gone\n")
    assert plane.unit("doomed") is None
    assert cli("info", "doomed").code == 2


def test_logs_are_printed_as_heroku_prints_them_and_escaped(plane: Plane, cli: Cli) -> None:
    cli("create", "chatty")
    plane.spoken.lines = [LogLine(0.5, "app", "web.1", "red \x1b[31m alert")]
    ran = cli("logs", "chatty", "-n", "5")
    assert ran.out == "1970-01-01T00:00:00.500000+00:00 app[web.1]: red \\x1b[31m alert\n"
    assert parsed(cli("logs", "chatty", "--json"))["text"] == "red \x1b[31m alert"
    plane.spoken.broken = Transient("cannot follow the log: the supervisor went away")
    assert cli("logs", "chatty", "--tail").code == 1


def test_logs_are_chosen_before_they_are_counted(plane: Plane, cli: Cli) -> None:
    cli("create", "noisy")
    plane.spoken.lines = [
        LogLine(1.0, "app", "web.1", "one"),
        LogLine(2.0, "app", "web.2", "two"),
        LogLine(3.0, "heroku", "router", "three"),
        LogLine(4.0, "app", "webhooks.1", "four"),
    ]

    def texts(*options: str) -> list[str]:
        return [line.split(": ")[1] for line in cli("logs", "noisy", *options).out.splitlines()]

    assert texts("--dyno", "web") == ["one", "two"]
    assert texts("-d", "web.2") == ["two"]
    assert texts("--source", "app", "-n", "1") == ["four"]
    assert texts("-s", "heroku", "-d", "router") == ["three"]
    assert texts("--since", "2") == ["two", "three", "four"]
    assert texts("--since", "1970-01-01T00:00:03Z") == ["three", "four"]


@pytest.mark.parametrize(
    ("option", "value", "fact"),
    [
        ("--source", "web", "'web' is no source"),
        ("--dyno", "../x", "'../x' is no dyno"),
        ("--since", "yesterday", "'yesterday' is no time"),
        ("--since", "-1", "'-1' is no time"),
        ("--since", "2999-01-01", "'2999-01-01' has not come yet"),
    ],
)
def test_a_bad_choice_of_log_lines_is_refused_in_one_line(
    cli: Cli, option: str, value: str, fact: str
) -> None:
    cli("create", "picky")
    ran = cli("logs", "picky", f"{option}={value}")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines()[0] == f"cannot read the logs of 'picky': {fact}"


def test_why_tells_the_change_its_reason_and_what_came_of_it(
    cli: Cli, project: Project, plane: Plane
) -> None:
    assert cli("deploy", str(project("reasoned")), "-m", "spring sale").code == 0
    told = cli("why", "reasoned").out
    assert "spring sale" in told
    assert "cut-release" in told
    assert "via cli" in told
    field = cli("why", "reasoned", "source.digest")
    assert field.code == 0
    assert "spring sale" in field.out
    assert cli("why", "reasoned", "nosuch.field").code == 2


def test_a_value_answers_is_noted_and_is_told_as_it_was(
    cli: Cli, plane: Plane, deployed: Deployed
) -> None:
    deployed(name := "answering")
    assert cli("scale", name, "web=2").code == 0
    assert cli("scale", name, "web=3", "-m", "the fair is on Saturday").code == 0
    told = cli("why", name, "web.max").out
    assert "is       intended 3 · granted 3 · actual 3" in told
    assert "why      the fair is on Saturday [-m]" in told
    assert "outcome  live after" in told
    assert "undo     formation.web.max 3 -> 2, formation.web.min 3 -> 2: 1 instance fewer" in told
    assert "because web is kept at 3, 2 is intended" in cli("why", name, "web.max", "--undo").out
    label, older = (f"c{line['change']['seq']}" for line in parsed(cli("log", name, "--json"))[:2])
    assert cli("note", older, "-m", "two were not enough yesterday").code == 0
    assert f"{name} formation.web.max = 2 at" in cli("why", name, "web.max", "--at", older).out
    history = cli("why", name, "web.max", "--history").out
    assert history.count("    set  ") == 2
    assert "two were not enough yesterday [noted later by" in history
    by_release = cli("note", name, "v1", "-m", "it was the first of all")
    assert (by_release.code, plane.unit(name).intent.formation["web"].max) == (0, 3)
    assert label not in cli("why", name, "--stale").out


def test_the_log_and_who_tell_of_everyone_in_a_line(
    cli: Cli, plane: Plane, deployed: Deployed
) -> None:
    deployed(name := "logged")
    assert cli("scale", name, "web=2", "-m", "wip").code == 0
    newest, *_ = cli("log", name).out.splitlines()
    assert "Scale web to 2" in newest
    assert newest.endswith("wip [thin]")
    assert "live, " in newest
    assert name in cli("log").out
    assert cli("who", name).out.startswith(f"{name} belongs to ")


def test_every_kind_of_change_is_predicted_from_its_own_past_and_compared_with_it(
    cli: Cli, plane: Plane, deployed: Deployed
) -> None:
    deployed(name := "timed")
    assert "nothing was predicted yet" in cli("timeline", name).out
    for count in (2, 3, 2, 3):
        assert cli("scale", name, f"web={count}").code == 0
    newest, *others, judged = cli("timeline", name).out.splitlines()
    assert "Scale web to 3  " in newest
    assert "predicted " in newest
    assert "live after " in newest
    assert all("no history" in line for line in others)
    assert judged.startswith(("0 of 1 within their p90: 0 %", "1 of 1 within their p90: 100 %"))
    told = parsed(cli("timeline", name, "-n", "1", "--json"))
    assert told["calibration"]["count"] == 1


@pytest.mark.parametrize(
    "words",
    [
        ("timeline", "nosuch"),
        ("why", "answering", "--undo"),
        ("why", "answering", "web.max", "--stale"),
        ("why", "answering", "web.max", "--at", "soon"),
        ("why", "answering", "web.max", "--at", "c99999"),
        ("note", "shop", "-m", "what of it"),
        ("note", "c99999", "-m", "never was"),
        ("note", "c1", "-m", " "),
        ("who", "nosuch"),
        ("log", "nosuch"),
    ],
)
def test_what_cannot_be_told_is_refused_in_one_sentence(cli: Cli, words: tuple[str, ...]) -> None:
    cli("create", "answering")
    ran = cli(*words)
    assert ran.code == 2
    assert ran.err.startswith("cannot ")


def test_a_why_from_the_environment_goes_with_changes_and_gives_way_to_an_option(
    cli: Cli, plane: Plane, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed(name := "exported")
    monkeypatch.setenv("SETPOINT_WHY", "grüße: the fair is on Saturday")
    assert cli("scale", name, "web=2").code == 0
    assert cli("scale", name, "web=3", "-m", "more came than we thought").code == 0
    changes = plane.send("GET", f"/v1/changes?app={name}&limit=2").json
    newest, older = (change["change"]["asked"] for change in changes)
    assert (newest["why"], newest["why_source"]) == ("more came than we thought", "flag")
    assert (older["why"], older["why_source"]) == ("grüße: the fair is on Saturday", "env")
    told = cli("why", name, "-n", "2").out
    assert "more came than we thought [-m]" in told
    assert "grüße: the fair is on Saturday [SETPOINT_WHY]" in told
    assert "outcome  live after" in told


def test_plan_of_a_folder_changes_nothing(plane: Plane, cli: Cli, project: Project) -> None:
    ran = cli("plan", str(project("dreamt")))
    assert ran.code == 0, ran.err
    assert "dreamt would be created" in ran.out
    assert "start-build" in ran.out
    assert "because " in ran.out
    assert "assumed: the build succeeds" in ran.out
    assert plane.unit("dreamt") is None


CRON = '{"cron": [{"schedule": "0 3 * * *", "command": "python nightly.py"}%s]}'


def test_plan_of_a_folder_names_what_would_be_scheduled(cli: Cli, project: Project) -> None:
    folder = project("nightly", Procfile="web: serve\n", **{"app.json": CRON % ""})
    ran = cli("plan", str(folder))
    assert "  cron: + 0 3 * * * python nightly.py\n" in ran.out, ran.err
    (folder / ".slugignore").write_text("app.json\n")
    assert "cron" not in cli("plan", str(folder)).out


@pytest.mark.parametrize("verb", ["plan", "deploy"])
@pytest.mark.parametrize(
    ("more", "fact"),
    [
        (', {"schedule": "at noon", "command": "x"}', "cron[1].schedule: 'at noon' is no schedule"),
        (
            ', {"schedule": "0  3 * * *", "command": "python nightly.py"}',
            "cron[1]: it repeats [0]",
        ),
        (", {}", "cron[1].schedule is not a text"),
    ],
)
def test_what_cannot_be_scheduled_is_refused_before_anything_is_asked_for(
    plane: Plane, cli: Cli, project: Project, verb: str, more: str, fact: str
) -> None:
    ran = cli(
        verb, str(project("misplanned", Procfile="web: serve\n", **{"app.json": CRON % more}))
    )
    assert ran.code == 2
    assert ran.err.startswith("cannot read app.json: ")
    assert fact in ran.err
    assert plane.unit("misplanned") is None


def test_plan_of_a_scale_tells_what_would_be_unmet(
    plane: Plane, cli: Cli, deployed: Deployed
) -> None:
    deployed("planned")
    before = plane.unit("planned")
    planned = cli("plan", "-a", "planned", "--scale", "web=2", "--set", "A")
    assert planned.code == 0
    assert "stays as it is" not in planned.out
    steps = [line for line in planned.out.splitlines() if "." in line[:4]]
    assert [line[:4] for line in steps] == [f"  {n}." for n in range(1, len(steps) + 1)]
    ran = cli("plan", "-a", "planned", "--scale", "web=50")
    assert ran.code == 3
    assert "it would end here: formation.web.max" in ran.out
    assert plane.unit("planned") == before


def test_a_failed_build_is_not_tried_again_by_a_scale_or_a_restart(
    plane: Plane, cli: Cli, deployed: Deployed, project: Project
) -> None:
    deployed("unbuilt")
    plane.supervisor.build_error = "no such package"
    broken = project("broken", Procfile="web: serve\n", requirements__txt="nosuch\n")
    assert cli("deploy", str(broken), "-a", "unbuilt").code == 3
    unit = plane.unit("unbuilt")
    assert unit is not None
    before = plane.call(plane.store.builds(unit.id))
    assert len(before) == 2
    assert cli("scale", "unbuilt", "web=2").code == 3
    assert cli("restart", "unbuilt").code == 3
    assert [d["state"] for d in parsed(cli("info", "unbuilt", "--json"))["dynos"]] == ["up", "up"]
    assert plane.call(plane.store.builds(unit.id)) == before
    assert cli("rollback", "unbuilt").out.endswith("v2 serves (v1 again)\n")
    assert cli("status", "unbuilt").out.startswith("unbuilt  v2  settled\n")


def test_status_tells_each_app_and_ends_with_the_worst(
    plane: Plane, cli: Cli, deployed: Deployed, project: Project
) -> None:
    deployed("healthy")
    assert cli("status", "healthy").code == 0
    plane.supervisor.build_error = "no such package"
    cli("deploy", str(project("sickly")))
    ran = cli("status", "sickly")
    assert ran.code == 3
    assert "stalled" in ran.out
    everything = cli("status")
    assert everything.code == 3
    assert "healthy" in everything.out
    assert "http://<app>.localhost:" in everything.out


def test_a_long_message_is_told_whole_by_status_and_in_one_line_by_info(
    plane: Plane, cli: Cli, project: Project
) -> None:
    plane.supervisor.build_error = "cannot build\n  line one\n  line two"
    cli("deploy", str(project("wordy")))
    assert "  line two\n" in cli("status", "wordy").out
    told = cli("info", "wordy").out
    assert "stalled  cannot build; see: setpoint status wordy\n" in told
    assert "line two" not in told


def test_an_app_nothing_was_deployed_to_says_what_next(cli: Cli) -> None:
    cli("create", "vacant")
    until(lambda: "next: setpoint deploy DIR -a vacant" in cli("status", "vacant").out)


def test_ctrl_c_while_waiting_says_that_it_goes_on(
    cli: Cli, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed("patient")

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("setpoint.cli.settle.follow", interrupted)
    ran = cli("scale", "patient", "web=2")
    assert ran.code == 130
    assert ran.err == "\nno longer waiting; it goes on: setpoint status patient\n"


def test_info_shows_release_formation_and_urls(cli: Cli, deployed: Deployed) -> None:
    deployed("shown")
    ran = cli("info", "shown")
    assert ran.code == 0
    for word in ("http://shown.localhost", "v1 succeeded", "web=1", "web.1", "settled"):
        assert word in ran.out


def test_doctor_asks_the_running_setpoint(cli: Cli) -> None:
    ran = cli("doctor")
    assert ran.code == 0
    assert "L3 (root: " in ran.out
    assert "daemon  started 5 min ago  47.0 MB  uid 40001  pid 7\n" in ran.out
    assert "envoy   not running\n" in ran.out
    assert "{" not in ran.out
    assert parsed(cli("doctor", "--json"))["version"] == "0.0-test"


def test_the_app_may_come_from_the_environment_or_an_option(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("create", "implied")
    monkeypatch.setenv("SETPOINT_APP", "implied")
    assert cli("config", "--json").code == 0
    assert cli("info").out.startswith("implied\n")
    assert cli("info", "-a", "implied").out.startswith("implied\n")
    ran = cli("info", "implied", "-a", "other")
    assert ran.code == 2
    assert "both" in ran.err


FUNCTIONS = (
    ProcessType("greet", "function", folder="functions/01_Greet"),
    ProcessType("part", "function", folder="functions/part"),
)


def test_functions_are_listed_by_how_to_call_them(
    plane: Plane, cli: Cli, deployed: Deployed
) -> None:
    plane.supervisor.processes = FUNCTIONS
    deployed("polite")
    told = cli("info", "polite").out
    assert "polite/greet" in told
    assert "polite/part" in told
