"""Pipelines with each major of Heroku's own command line, unmodified."""

import json
import re
from pathlib import Path

import pytest

from tests.acceptance.plane import EXAMPLES, Plane
from tests.support.heroku import FOLDERS, Heroku, needs_heroku

RELEASING = 'release: sleep 3; echo "migrates $WHERE"\n'
"""Longer than the command line looks away: what has ended by then, it does not show."""


def folder(at: Path, *, breaks: str = "") -> Path:
    """The example web app with a release phase, which fails where this var is set."""
    at.mkdir()
    for file in (EXAMPLES / "hello-web").iterdir():
        if file.is_file():
            (at / file.name).write_bytes(file.read_bytes())
    failing = f'; test -z "${breaks}"' if breaks else ""
    procfile = (at / "Procfile").read_text()
    (at / "Procfile").write_text(procfile + RELEASING.rstrip("\n") + failing + "\n")
    return at


@pytest.mark.parametrize("major", FOLDERS)
def test_a_release_goes_from_stage_to_stage(plane: Plane, tmp_path: Path, major: str) -> None:
    needs_heroku(major)
    heroku = Heroku(plane, tmp_path / "home", major=major)
    heroku.home.mkdir()
    stage, prod, line = f"pipe{major}-stage", f"pipe{major}-prod", f"pipe{major}-line"
    for app in (stage, prod):
        heroku.ok("create", app)
        heroku.ok("config:set", f"WHERE={app}", "-a", app)
    source = folder(tmp_path / "source", breaks="BREAKS")
    plane.ok("deploy", str(source), "-a", stage)
    told = heroku.ok("pipelines:create", line, "-a", stage, "-s", "development")
    assert f"Creating {line} pipeline... done" in told
    assert "as development" in told
    assert "as production" in heroku.ok("pipelines:add", line, "-a", prod, "-s", "production")
    assert "staging" in heroku.ok("pipelines:update", "-a", stage, "-s", "staging")
    assert line in heroku.ok("pipelines")
    info = heroku.ok("pipelines:info", line)
    assert "owner: admin@setpoint.localhost" in info
    assert re.search(rf"{stage}\s.*staging", info)
    assert re.search(rf"{prod}\s.*production", info)
    shown = json.loads(heroku.ok("pipelines:info", line, "--json").strip())
    coupled = "coupling" if major == "9" else "pipelineCoupling"
    assert {a["name"]: a[coupled]["stage"] for a in shown["apps"]} == {
        stage: "staging",
        prod: "production",
    }

    why = json.dumps({"Commit-Message": f"{stage} held for a day"})
    told = heroku.ok("pipelines:promote", "-a", stage, env={"HEROKU_HEADERS": why})
    assert "Promotion successful" in told
    assert f"migrates {prod}" in told
    assert plane.get(prod).status == 200
    releases = heroku.ok("releases", "-a", prod)
    assert f"Promote {stage} v1" in releases
    assert f"{stage} held for a day" in plane.ok("why", prod, "source.digest").out
    assert f"Promote {stage} v1" in plane.ok("why", prod, "-n", "1").out

    heroku.ok("config:set", "BREAKS=1", "-a", prod)
    plane.cli("status", prod, "--wait")
    failed = heroku.cli("pipelines:promote", "-a", stage, "--to", prod)
    assert "Promotion to some apps failed" in failed.out + failed.err
    assert "failed" in failed.out
    assert (failed.code != 0) == (major == "11")
    assert plane.get(prod).status == 200
    none = heroku.cli("pipelines:promote", "-a", prod)
    assert (none.code != 0, "Cannot promote" in none.err) == (True, True)

    renamed = f"{line}-2"
    heroku.ok("pipelines:rename", line, renamed)
    assert renamed in heroku.ok("pipelines")
    heroku.ok("pipelines:remove", "-a", prod)
    assert prod not in heroku.ok("pipelines:info", renamed)
    heroku.ok("pipelines:destroy", renamed)
    assert renamed not in heroku.ok("pipelines")
    unknown = heroku.cli("pipelines:info", renamed)
    assert unknown.code != 0
    for app in (stage, prod):
        heroku.ok("apps:destroy", "-a", app, "-c", app)


def test_a_pipeline_is_handed_over(plane: Plane, tmp_path: Path) -> None:
    needs_heroku()
    heroku = Heroku(plane, tmp_path / "home")
    heroku.home.mkdir()
    plane.ok("users", "--add", "piper@example.com")
    heroku.ok("create", "piped-over")
    heroku.ok("pipelines:create", "piped-line", "-a", "piped-over", "-s", "staging")
    words = ("piper@example.com", "-p", "piped-line", "-c", "piped-line")
    assert "done" in heroku.ok("pipelines:transfer", *words)
    assert "piper@example.com" in json.dumps(plane.ok("log", "--json").json)
    heroku.ok("pipelines:destroy", "piped-line")
    heroku.ok("apps:destroy", "-a", "piped-over", "-c", "piped-over")


def test_our_own_door_promotes_with_a_reason(plane: Plane, tmp_path: Path) -> None:
    plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "own-stage")
    plane.ok("create", "own-prod")
    plane.ok("pipelines", "own-line", "--create", "--add", "own-stage", "--stage", "staging")
    told = plane.ok("pipelines", "own-line", "--add", "own-prod", "--stage", "production").out
    assert re.search(r"staging +own-stage\n.*production +own-prod", told)
    told = plane.ok("promote", "own-stage", "-m", "the checkout held for a day").out
    assert told == "own-prod: v1 serves\n"
    assert plane.get("own-prod").status == 200
    why = plane.ok("why", "own-prod", "source.digest").out
    assert "Promote own-stage v1" in why
    assert "the checkout held for a day" in why
    again = plane.ok("promote", "own-stage", "--to", "own-prod", "--json").json
    assert [(t["status"], t["release"]) for t in again["targets"]] == [("succeeded", 2)]
    assert plane.cli("promote", "own-prod").code == 2
    plane.ok("pipelines", "own-line", "--destroy")
