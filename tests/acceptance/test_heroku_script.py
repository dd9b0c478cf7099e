"""A day of a Heroku user as one script, with each major of Heroku's own command line: unmodified,
from the login to the end of the app."""

import json
import re
import subprocess
import threading
from pathlib import Path

import pytest

from setpoint.cli.env import NOBODYS
from tests.acceptance.plane import Plane, until
from tests.support.heroku import FOLDERS, Heroku, needs_heroku
from tests.support.repository import started

NAME = "admin@setpoint.localhost"
TELLS = ("10", "9")
"""Majors that tell somebody of each command, with the token, whatever DISABLE_TELEMETRY says."""


@pytest.mark.parametrize("major", FOLDERS)
def test_the_day_of_a_heroku_user(plane: Plane, tmp_path: Path, major: str) -> None:
    needs_heroku(major)
    app = f"demo-{major}"
    heroku = Heroku(plane, tmp_path / "home", signed_in=False, major=major)
    heroku.home.mkdir()
    _signs_in(plane, heroku)
    shop = started(heroku, tmp_path / app)
    told = heroku.ok("apps:create", app)
    assert re.search(rf"Creating .*{app}\S*\s*done", told)
    assert f"https://localhost:{plane.ports['tls']}/{app}.git" in told
    assert app in heroku.ok("apps")
    told_of = json.loads(heroku.ok("apps:info", "-a", app, "--json"))
    assert {"addons", "app", "collaborators", "dynos", "pipeline_coupling"} <= set(told_of)
    assert re.search(r"done, v\d+", heroku.ok("config:set", "A=1", "B=2", "-a", app))
    assert {"A=1", "B=2"} <= set(heroku.ok("config", "-s", "-a", app).split())
    heroku.ok("config:unset", "A", "-a", app)
    shop.commit()
    heroku.ok("git:remote", "-a", app, cwd=shop.folder)
    assert "remote: -----> Released v" in shop.ok("push", "heroku", "main")
    assert plane.get(app).status == 200
    _runs(plane, heroku, app)
    _answers_at_a_domain(plane, heroku, app)
    _is_asked_for_what_there_is_not(heroku, app)
    _promotes(plane, heroku, app)
    heroku.ok("maintenance:on", "-a", app)
    heroku.ok("maintenance:off", "-a", app)
    assert "Destroying" in heroku.ok("apps:destroy", "-a", app, "-c", app)
    heroku.ok("logout")
    if heroku.forgets:
        assert "not logged in" in heroku.cli("whoami").err


def _signs_in(plane: Plane, heroku: Heroku) -> None:
    token = (plane.data / "private" / "token").read_text().strip()
    code, shown = heroku.typed(["login", "-i"], [("Email", NAME), ("Password", token)])
    assert code == 0, shown
    assert heroku.ok("auth:whoami").strip() == NAME
    if heroku.major in TELLS:
        log = plane.data / "log" / "daemon.log"
        until(lambda: f"route={NOBODYS}" in log.read_text(), 30, "it told us, and not Heroku")


def _runs(plane: Plane, heroku: Heroku, app: str) -> None:
    newest = re.search(r"Current: v(\d+)", heroku.ok("releases", "-a", app))
    assert newest is not None
    assert re.search(r"=== web \(\w+\)", heroku.ok("ps", "-a", app))
    assert "now running web at 2:Basic" in heroku.ok("ps:scale", "web=2", "-a", app)
    heroku.ok("ps:wait", "-a", app)
    assert len(re.findall(r"web\.\d: up", heroku.ok("ps", "-a", app))) == 2
    heroku.ok("ps:restart", "-a", app)
    for number in range(3):
        assert plane.get(app, f"/?mark={number}").status == 200
    until(lambda: "mark=2" in plane.ok("logs", app, "-s", "app").out, 30, "the lines are there")
    assert re.search(r"app\[web\.\d\]: .*mark=2", heroku.ok("logs", "-n", "200", "-a", app))
    _follows(plane, heroku, app)
    ran = heroku.cli("run", "--exit-code", "-a", app, "--", "sh", "-c", "exit 3")
    assert ran.code == 3, ran
    assert heroku.cli("run", "--no-tty", "-a", app, "cat", stdin="x\n").out == "x\n"
    heroku.ok("config:set", "LATER=1", "-a", app)
    told = heroku.ok("rollback", f"v{newest[1]}", "-a", app)
    assert re.search(rf"to v{newest[1]}\S*\s*done, v\d+", told)


def _follows(plane: Plane, heroku: Heroku, app: str) -> None:
    """Each new line once."""
    child = subprocess.Popen(
        heroku.argv("heroku", "logs", "--tail", "-s", "app", "-a", app),
        env=heroku.env(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    lines = list[str]()
    reader = threading.Thread(target=lines.extend, args=(child.stdout,))
    reader.start()
    until(lambda: lines, 60, "it follows")
    plane.get(app, "/?fresh=1")
    until(lambda: any("?fresh=1" in line for line in lines), 60, "the new line")
    child.kill()
    child.wait()
    reader.join()
    child.stdout.close()
    assert sum("?fresh=1" in line for line in lines) == 1


def _answers_at_a_domain(plane: Plane, heroku: Heroku, app: str) -> None:
    domain = f"www.{app}.example"
    assert f"{app}.localhost" in heroku.ok("domains:add", domain, "-a", app)
    heroku.ok("domains:wait", domain, "-a", app)
    assert domain in heroku.ok("domains", "-a", app)
    assert plane.get(app, headers={"Host": domain}).status == 200
    heroku.ok("domains:remove", domain, "-a", app)
    until(lambda: plane.get(app, headers={"Host": domain}).status == 404, 30, "it is gone")


def _is_asked_for_what_there_is_not(heroku: Heroku, app: str) -> None:
    refused = heroku.cli("addons:create", "heroku-postgresql", "-a", app)
    assert refused.code != 0
    assert "add-ons are not there yet" in re.sub(r"\s+(›\s+)?", " ", refused.err)
    assert "No add-ons" in heroku.ok("addons", "-a", app)


def _promotes(plane: Plane, heroku: Heroku, app: str) -> None:
    """The same slug to the next stage, whose config stays its own."""
    production, line = f"{app}-prod", f"{app}-line"
    heroku.ok("apps:create", production)
    heroku.ok("config:set", "WHERE=production", "-a", production)
    told = heroku.ok("pipelines:create", line, "-a", app, "-s", "staging")
    assert f"Creating {line} pipeline" in told
    heroku.ok("pipelines:add", line, "-a", production, "-s", "production")
    told = heroku.ok("pipelines:promote", "-a", app)
    assert "Promotion successful" in told
    assert re.search(rf"{production}:? +succeeded", told)
    assert plane.get(production).status == 200
    assert f"Promote {app} v" in heroku.ok("releases", "-a", production)
    assert "WHERE=production" in heroku.ok("config", "-s", "-a", production)
    heroku.ok("pipelines:destroy", line)
    heroku.ok("apps:destroy", "-a", production, "-c", production)
