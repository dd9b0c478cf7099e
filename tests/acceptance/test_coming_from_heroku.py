"""docs/tutorial/coming-from-heroku.md, done as it is written."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.acceptance.plane import EXAMPLES, ROOT, Plane, until
from tests.support.heroku import Heroku, needs_heroku
from tests.support.repository import NOBODY

PAGE = ROOT / "docs" / "tutorial" / "coming-from-heroku.md"
WALK_RE = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.fixture
def browser(tmp_path: Path) -> Path:
    """A program that writes down what it is to show."""
    program = tmp_path / "browser"
    program.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/shown\n')
    program.chmod(0o755)
    return program


def test_a_heroku_user_walks_as_the_tutorial_says(
    plane: Plane, tmp_path: Path, browser: Path
) -> None:
    needs_heroku()
    (walk,) = WALK_RE.findall(PAGE.read_text(encoding="utf-8"))
    (tmp_path / "examples").symlink_to(EXAMPLES)
    env = Heroku(plane, tmp_path, signed_in=False).env({**NOBODY, "BROWSER": str(browser)})
    here = str(Path(sys.executable).parent)
    with subprocess.Popen(
        ["sh", "-ec", walk],
        cwd=tmp_path,
        env={**env, "PATH": f"{here}:{env['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as shell:
        assert shell.stdout is not None
        lines = list[str]()
        reader = threading.Thread(target=lines.extend, args=(shell.stdout,))
        reader.start()
        try:
            _sees(plane, tmp_path, lines)
        finally:
            os.killpg(shell.pid, signal.SIGKILL)
            reader.join()


def _sees(plane: Plane, folder: Path, lines: list[str]) -> None:
    def told(text: str) -> bool:
        return any(text in line for line in lines)

    until(lambda: told("app[web.1]"), 240, "the log is followed", 0.2)
    assert told("remote: -----> Build succeeded"), "".join(lines)
    assert told("remote: -----> Released v1")
    shown = (folder / "shown").read_text()
    found = re.fullmatch(rf"http://([a-z0-9-]+)\.localhost:{plane.ports['edge']}/", shown)
    assert found is not None, shown
    assert plane.get(found[1], "/?seen=1").status == 200
    until(lambda: told("?seen=1"), 60, "the visit in the log", 0.2)
    assert "Open the shop" in plane.ok("why", found[1]).out
