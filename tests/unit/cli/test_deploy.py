"""`setpoint deploy` from a folder to what serves, and every way it can end."""

from collections.abc import Callable
from pathlib import Path

import pytest

from setpoint.model.release import ProcessType
from tests.support.plane import Plane
from tests.unit.cli.conftest import Cli, Project, parsed


def test_first_deploy_creates_the_app_named_like_its_folder(
    plane: Plane, cli: Cli, project: Project
) -> None:
    ran = cli("deploy", str(project("My Shop_2")), "-m", "open — at last")
    assert ran.code == 0, ran.err
    assert "created my-shop-2" in ran.out
    assert "installing six" in ran.out
    assert "v1 serves" in ran.out
    assert f"http://my-shop-2.localhost:{plane.visits.server_port}" in ran.out
    assert ran.err == ""
    unit = plane.unit("my-shop-2")
    assert unit is not None
    changes = plane.call(plane.store.changes(unit.id))
    assert [c.change.verb for c in changes] == ["deploy", "create"]
    assert changes[0].change.asked.why == "open — at last"
    assert changes[0].change.asked.via == "cli"


def test_the_same_folder_again_is_a_release_of_the_same_source(
    plane: Plane, cli: Cli, project: Project
) -> None:
    folder = str(project("twice"))
    first, second = (parsed(cli("deploy", folder, "--json")) for _ in range(2))
    assert first["outcome"] == second["outcome"] == "settled"
    assert [r["label"] for r in second["detail"]["releases"]] == ["v2", "v1"]
    assert len({r["source"] for r in second["detail"]["releases"]}) == 1


def test_no_wait_returns_once_it_is_accepted(plane: Plane, cli: Cli, project: Project) -> None:
    ran = cli("deploy", str(project("hasty")), "--no-wait", "--json")
    assert ran.code == 0
    told = parsed(ran)
    assert (told["outcome"], told["build"]["status"]) == ("accepted", "pending")
    unit = plane.unit("hasty")
    assert unit is not None
    assert unit.intent.source is not None


def test_a_failed_build_ends_3_with_the_tools_words_and_says_what_serves(
    plane: Plane, cli: Cli, project: Project, deployed: Callable[[str], None]
) -> None:
    deployed("sturdy")
    plane.supervisor.build_error = "cannot install requirements\n  no such version: six==0"
    ran = cli("deploy", str(project("sturdy", Procfile="web: other\n")), "-a", "sturdy")
    assert ran.code == 3
    assert ran.err.startswith("cannot deploy sturdy: the build failed\n")
    assert "no such version: six==0" in ran.err
    assert ran.err.endswith("v1 still serves\n")


def test_a_first_build_that_fails_leaves_nothing_serving(
    plane: Plane, cli: Cli, project: Project
) -> None:
    plane.supervisor.build_error = "no"
    ran = cli("deploy", str(project("stillborn")))
    assert ran.code == 3
    assert "nothing serves yet" in ran.err


def test_what_builds_but_does_not_run_ends_3_and_the_old_release_stays(
    plane: Plane, cli: Cli, project: Project, deployed: Callable[[str], None]
) -> None:
    deployed("shaky")
    plane.supervisor.fate = "exits"
    ran = cli("deploy", str(project("shaky", Procfile="web: broken\n")), "-a", "shaky")
    assert ran.code == 3
    assert ran.err.startswith("cannot deploy shaky: it was built, but does not run\n")
    assert "exited with code 1" in ran.err
    assert "v1 still serves" in ran.err


def test_what_never_settles_ends_4(plane: Plane, cli: Cli, project: Project) -> None:
    plane.supervisor.fate = "hangs"
    ran = cli("deploy", str(project("endless")), "--timeout", "0.5")
    assert ran.code == 4
    assert "endless has not settled in 0.5 s" in ran.err


def test_a_function_says_how_to_call_it(plane: Plane, cli: Cli, project: Project) -> None:
    plane.supervisor.processes = (ProcessType("greet", "function"),)
    toml = '[com.salesforce]\nid="greet"\ntype="function"\nsalesforce-api-version="53.0"\n'
    folder = project("fun", **{"project.toml": toml, "main.py": ""})
    ran = cli("deploy", str(folder))
    assert ran.code == 0, ran.err
    assert "setpoint invoke fun/greet" in ran.out


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"app.py": ""}, "no Procfile, project.toml or functions/ in it"),
        ({"Procfile": "web: a\noops\n"}, "cannot read Procfile: line 2: 'oops' has no colon"),
        ({"project.toml": "[com"}, "cannot read project.toml: it is not TOML"),
    ],
)
def test_a_folder_that_is_no_project_is_refused_before_anything_is_asked(
    plane: Plane, cli: Cli, project: Project, files: dict[str, str], told: str
) -> None:
    ran = cli("deploy", str(project("nothing-here", **files)))
    assert ran.code == 2
    assert ran.err.startswith("cannot ")
    assert told in ran.err
    assert ran.out == ""
    assert plane.unit("nothing-here") is None


def test_a_folder_that_is_not_there_is_refused(cli: Cli, tmp_path: Path) -> None:
    ran = cli("deploy", str(tmp_path / "gone"))
    assert (ran.code, ran.err) == (
        2,
        f"cannot deploy {tmp_path / 'gone'}: there is no such folder\n",
    )


def test_a_link_out_of_the_folder_is_refused(cli: Cli, project: Project) -> None:
    folder = project("leaky")
    (folder / "passwd").symlink_to("/etc/passwd")
    ran = cli("deploy", str(folder))
    assert ran.code == 2
    assert "passwd links out of it, to /etc/passwd" in ran.err


def test_an_app_name_that_cannot_be_is_refused_by_the_api(
    plane: Plane, cli: Cli, project: Project
) -> None:
    ran = cli("deploy", str(project("x")), "-a", "NOPE")
    assert ran.code == 2
    assert "not a valid app name" in ran.err
