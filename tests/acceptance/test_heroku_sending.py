"""Log drains with each major of Heroku's own command line, unmodified."""

import json
import re
from pathlib import Path

import pytest

from tests.acceptance.plane import Plane
from tests.support.heroku import FOLDERS, Heroku, needs_heroku

SECRET = "hunter2hunter2"


@pytest.mark.parametrize("major", FOLDERS)
def test_drains_with_herokus_own_command_line(plane: Plane, tmp_path: Path, major: str) -> None:
    needs_heroku(major)
    heroku = Heroku(plane, tmp_path, major=major)
    app, url = f"drain-{major}", f"https://me:{SECRET}@logs.example.invalid/in"
    plane.ok("create", app)
    assert "Successfully added drain" in heroku.ok("drains:add", url, "-a", app)
    heroku.ok("drains:add", "syslog+tls://logs.example.invalid:6514", "-a", app)
    shown = heroku.ok("drains", "-a", app)
    assert url in shown
    assert "syslog+tls://logs.example.invalid:6514" in shown
    listed = json.loads(heroku.cli("drains", "--json", "-a", app).out)
    assert {drain["url"] for drain in listed} >= {url}
    assert re.search(r"d\.[0-9a-f-]{36}", shown)
    assert "Successfully removed drain" in heroku.ok("drains:remove", url, "-a", app)
    token = plane.ok("drains", app, "--json").json[0]["token"]
    heroku.ok("drains:remove", token, "-a", app)
    assert plane.ok("drains", app, "--json").json == []
    refused = heroku.cli("drains:add", "http://logs.example.invalid", "-a", app)
    assert (refused.code, "that is no address" in re.sub(r"\s+(›\s+)?", " ", refused.err)) == (
        2,
        True,
    )
    plane.ok("destroy", app, "--confirm", app)
