"""`apply`, `plan -f` and `export`: a file kept beside the code, there and back."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from setpoint.cli.export import written
from setpoint.model.declared import DeclaredApp, DeclaredProcess
from tests.support.plane import Plane
from tests.unit.cli.conftest import Cli, parsed

Deployed = Callable[[str], None]

FILE = """\
# what we agreed on in May
[apps.declared.processes.web]
max = 2  # not three
min = 1
why = "the fair is on Saturday"

[apps.declared.config]
GREETING = { env = "FILED_GREETING", why = "a warmer word for visitors" }
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FILED_GREETING", "hello-world")
    path = tmp_path / "setpoint.toml"
    path.write_text(FILE)
    return path


def test_a_file_is_planned_applied_and_exported_again(
    plane: Plane, cli: Cli, deployed: Deployed, file: Path
) -> None:
    deployed("declared")
    plan = cli("plan", "-f", str(file))
    assert plan.code == 0, plan.err
    assert "  formation.web.max: not set -> 2\n      why: the fair is on Saturday\n" in plan.out
    assert "cut-release release" in plan.out
    assert "hello-world" not in plan.out
    token = plan.out.split("--plan ")[1].split()[0]
    ran = cli("apply", "-f", str(file), "--plan", token)
    assert (ran.code, ran.err) == (0, "")
    assert "applied as c" in ran.out
    assert "settled" in ran.out
    assert plane.config("declared") == {"GREETING": "hello-world"}
    why = cli("why", "declared", "web.max").out
    assert "why      the fair is on Saturday [file]" in why
    assert "via file" in why
    assert "nothing was to be done" in cli("apply", "-f", str(file)).out

    late = cli("apply", "-f", str(file), "--plan", token)
    assert late.code == 2
    assert late.err.startswith(f"cannot apply the file: plan {token} is not what would be done")

    cli("scale", "declared", "web=2", "-m", "it was quiet on Saturday")
    assert cli("export", "declared", "-f", str(file)).code == 0
    assert file.read_text() == FILE.replace("min = 1", "min = 2").replace(
        "the fair is on Saturday", "it was quiet on Saturday"
    )
    assert "nothing was to be done" in cli("apply", "-f", str(file)).out


def test_an_app_may_begin_in_a_file(plane: Plane, cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    path.write_text(
        "[apps.begun]\nwhy = 'the fair has a second shop'\n[[decisions]]\ntitle='two'\n"
    )
    ran = cli("apply", "-f", str(path), "--json")
    assert ran.code == 0, ran.err
    done = parsed(ran)
    assert done["outcomes"] == {"begun": "settled"}
    assert len(done["decisions"]) == 1
    assert "the fair has a second shop [file]" in cli("why", "begun", "name").out


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (b"\xff", "it is not UTF-8"),
        (b"apps.x.config.A = 'hunter22'", "apps.x.config.A: a value never stands in the file"),
        (b"apps.nosuch.config.A = {kept = true}", "A is to be kept, and is not set"),
        (None, "No such file"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(
    cli: Cli, tmp_path: Path, content: bytes | None, fact: str
) -> None:
    path = tmp_path / "bad.toml"
    if content is not None:
        path.write_bytes(content)
    for command in ("apply", "plan"):
        ran = cli(command, "-f", str(path))
        assert (ran.code, ran.out) == (2, "")
        assert fact in ran.err
        assert "hunter22" not in ran.err


@pytest.mark.parametrize("words", [("-f", "x.toml", "."), ("--prune",), ("-f", "x", "--set", "A")])
def test_a_plan_is_of_a_file_or_of_a_draft(cli: Cli, words: tuple[str, ...]) -> None:
    assert cli("plan", *words).err.startswith("cannot plan: ")


def test_an_export_alone_is_a_file_by_itself(cli: Cli, deployed: Deployed, tmp_path: Path) -> None:
    deployed("exported")
    cli("config", "exported", "KEY=hunter22", "-m", "the key of the till")
    cli("scale", "exported", "web=1", "--idle", "30", "-m", "one is enough for now")
    cli("decide", "-m", "one for now\nIt is quiet.", "--on", "exported", "--bet", "it stays quiet")
    told = cli("export", "exported").out
    assert told == (
        "[apps.exported.processes.web]\n"
        "min = 1\nmax = 1\nidle_s = 30.0\n"
        'why = "one is enough for now"\n\n'
        "[apps.exported.config]\n"
        'KEY = {kept = true, why = "the key of the till"}\n\n'
        "[[decisions]]\n"
        'title = "one for now"\nwhy = "It is quiet."\non = ["exported"]\n'
        'bet = "it stays quiet"\nowner = "dev@example.com"\n'
    )
    path = tmp_path / "exported.toml"
    path.write_text(told)
    assert "nothing was to be done" in cli("apply", "-f", str(path)).out


def test_an_export_goes_into_no_file_that_says_something_else(cli: Cli, tmp_path: Path) -> None:
    cli("create", "guarded")
    path = tmp_path / "odd.toml"
    path.write_text("apps = 3\n")
    ran = cli("export", "guarded", "-f", str(path))
    assert ran.code == 2
    assert ran.err.startswith("cannot export into that file: ")
    assert path.read_text() == "apps = 3\n"


PROCESS = msgspec.to_builtins(DeclaredProcess())
APP = msgspec.to_builtins(DeclaredApp("shop"))


def test_what_is_not_so_any_more_goes_from_a_file_and_comments_stay() -> None:
    before = """\
[apps.shop]
domains = [
    "old.example",
    "www.example.com",  # on the posters
]
egress = "none"
why = "for the fair"

[apps.shop.processes.web]
min = 1
max = 1
size = "standard-2x"
probe = { path = "/health" } # so

[apps.shop.processes.gone]
count = 3

[apps.shop.config]
OLD = { kept = true }
KEY = { env = "KEY" }  # from the vault
"""
    probe = {
        "path": "/up",
        "timeout_s": 2.0,
        "status_below": 400,
        "once": True,
        "why": "it is slow",
    }
    app = {
        **APP,
        "domains": {"hosts": ["new.example", "www.example.com"], "why": "for the fair"},
        "egress": {"to": ["internet"], "why": "the warehouse has the stock"},
        "processes": {"web": {**PROCESS, "min": 1, "max": 1, "probe": probe}},
        "config": {"KEY": {"env": "", "why": "for the fair"}},
    }
    after = written(before, {"apps": [app], "decisions": []})
    assert (
        after
        == """\
[apps.shop]
domains = [
    "www.example.com",  # on the posters
    "new.example",
]
egress = {to = ["internet"], why = "the warehouse has the stock"}
why = "for the fair"

[apps.shop.processes.web]
min = 1
max = 1
probe = {path = "/up", timeout_s = 2.0, status_below = 400, once = true, why = "it is slow"} # so

[apps.shop.config]
KEY = { env = "KEY" }  # from the vault
"""
    )


def test_other_apps_comments_and_counts_of_a_file_stay() -> None:
    before = (
        "# top\n[apps.other]\nwhy = 'kept'  # so\n\n"
        "[apps.shop.processes.web]\ncount = 2  # a pair\n\n"
        "[apps.shop.processes.worker]\ncount = 1\n"
    )
    app = {
        **APP,
        "processes": {
            "web": {**PROCESS, "min": 3, "max": 3},
            "worker": {**PROCESS, "min": 0, "max": 4},
        },
    }
    assert written(before, {"apps": [app], "decisions": []}) == before.replace(
        "count = 2 ", "count = 3 "
    ).replace("count = 1\n", "min = 0\nmax = 4\n")


def test_what_stands_alone_is_told_with_its_why_in_one_line_and_keeps_its_comment() -> None:
    before = """\
[apps.shop]
maintenance = true  # since Tuesday
release_phase = { run_s_max = 600, why = "slow" }  # see the wiki
"""
    app = {
        **APP,
        "maintenance": {"on": True, "why": ""},
        "release_phase": {"run_s_max": 1200.0, "why": "slower by now"},
        "buildpacks": {"use": ["https://example.com/ruby.tar.gz"], "why": "Ruby"},
    }
    after = written(before, {"apps": [app], "decisions": []})
    assert (
        after
        == """\
[apps.shop]
maintenance = true  # since Tuesday
release_phase = { run_s_max = 1200.0, why = "slower by now" }  # see the wiki
buildpacks = {use = ["https://example.com/ruby.tar.gz"], why = "Ruby"}
"""
    )
    app |= {"maintenance": {"on": True, "why": "a new till"}, "release_phase": None}
    told = written(after, {"apps": [app], "decisions": []})
    assert 'maintenance = {on = true, why = "a new till"}' in told
    assert "release_phase" not in told
    closed = written(told, {"apps": [{**app, "maintenance": None}], "decisions": []})
    assert "on = false" in closed
