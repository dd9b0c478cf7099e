"""Reasons that are picked up: from the commit that is deployed, and into Heroku's own client."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from email.header import decode_header, make_header
from pathlib import Path

import pytest

from setpoint.cli.commit_message import commit_message
from setpoint.formats.git import MESSAGE_BYTES_MAX
from tests.support.plane import Plane
from tests.unit.cli.conftest import Cli, Project

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
NOBODY = ("-c", "user.name=Dev", "-c", "user.email=dev@example.com", "-c", "commit.gpgsign=false")


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *NOBODY, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def committed(project: Project) -> Callable[[str, str], Path]:
    def make(name: str, message: str) -> Path:
        folder = project(name)
        git(folder, "init", "-q")
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", message)
        return folder

    return make


def why_of(plane: Plane, app: str) -> tuple[str, str, list[str]]:
    (newest,) = plane.send("GET", f"/v1/changes?app={app}&limit=1").json
    asked = newest["change"]["asked"]
    return asked["why"], asked["why_source"], asked["links"]


@needs_git
def test_a_deploy_says_what_its_commit_says(
    cli: Cli, plane: Plane, committed: Callable[[str, str], Path]
) -> None:
    message = "Grüße show a cart\n\nCold starts lost it.\n\nSee: https://example.com/88"
    folder = committed("committed", message)
    assert cli("deploy", str(folder)).code == 0
    assert why_of(plane, "committed") == (
        "Grüße show a cart\n\nCold starts lost it.",
        "commit",
        ["https://example.com/88"],
    )
    assert "[commit]" in cli("why", "committed", "source.digest").out
    assert cli("deploy", str(folder), "-m", "the last one did not start").code == 0
    assert why_of(plane, "committed")[:2] == ("the last one did not start", "flag")


@needs_git
def test_what_is_not_committed_is_not_explained_by_a_commit(
    cli: Cli, plane: Plane, committed: Callable[[str, str], Path]
) -> None:
    folder = committed("dirty", "The shop shows a cart")
    (folder / "new.txt").write_text("not in it")
    assert cli("deploy", str(folder)).code == 0
    assert why_of(plane, "dirty")[:2] == ("", "none")


@needs_git
def test_a_folder_of_no_repository_or_that_it_ignores_has_no_message(
    tmp_path: Path, committed: Callable[[str, str], Path]
) -> None:
    assert commit_message(tmp_path) == ""
    inside = committed("outer", "The shop shows a cart") / "ignored"
    inside.mkdir()
    (inside / "file").write_text("built")
    (inside.parent / ".gitignore").write_text("ignored/\n.gitignore\n")
    assert commit_message(inside.parent) == "The shop shows a cart"
    assert commit_message(inside) == ""


@needs_git
def test_a_message_that_is_too_long_is_cut_at_a_line(
    committed: Callable[[str, str], Path],
) -> None:
    line = "this goes on and on\n"
    said = commit_message(committed("wordy", line * 400))
    assert len(said.encode()) <= MESSAGE_BYTES_MAX
    assert set(said.splitlines()) == {line.strip()}


@pytest.fixture
def heroku(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `setpoint heroku` with a `heroku` that tells what it was given."""
    program = tmp_path / "bin" / "heroku"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        "print(json.dumps([sys.argv[1:], os.environ['HEROKU_HEADERS']]))\nsys.exit(7)\n"
    )
    program.chmod(0o755)

    def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "setpoint.cli.main", "heroku", *words],
            env={**os.environ, "PATH": str(program.parent), **env},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_herokus_own_client_is_run_with_a_reason_that_its_headers_can_carry(heroku) -> None:
    why = "Grüße:\nthe fair"
    ran = heroku("-m", why, "--", "ps:scale", "web=3", "-a", "shop", HEROKU_HEADERS='{"X-A": "1"}')
    words, headers = json.loads(ran.stdout)
    assert (ran.returncode, words) == (7, ["ps:scale", "web=3", "-a", "shop"])
    sent = json.loads(headers)
    assert sent["X-A"] == "1"
    assert sent["Commit-Message"].isascii()
    assert sent["Commit-Message"].isprintable()
    assert str(make_header(decode_header(sent["Commit-Message"]))) == why


def test_herokus_own_client_is_run_without_a_reason_too(heroku) -> None:
    words, headers = json.loads(heroku("apps").stdout)
    assert (words, json.loads(headers)) == (["apps"], {})
    _, headers = json.loads(heroku("--", "apps", SETPOINT_WHY="the fair").stdout)
    assert json.loads(headers) == {"Commit-Message": "the fair"}


@pytest.mark.parametrize("before", ["{", "[]", '"x"'])
def test_headers_that_would_make_it_die_are_told_before(heroku, before: str) -> None:
    ran = heroku("-m", "the fair is on", "--", "apps", HEROKU_HEADERS=before)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("cannot run heroku: HEROKU_HEADERS is no JSON object")


def test_a_client_that_is_not_installed_is_told_with_the_next_step(heroku, tmp_path: Path) -> None:
    ran = heroku("--", "apps", PATH=str(tmp_path))
    assert ran.returncode == 2
    assert ran.stderr.startswith("cannot run heroku: it is not on the PATH\ninstall it: ")
