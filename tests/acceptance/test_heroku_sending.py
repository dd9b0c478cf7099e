"""Log drains and webhooks with each major of Heroku's own command line, unmodified."""

import json
import re
from pathlib import Path

import pytest

from tests.acceptance.plane import Plane, until
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


@pytest.mark.parametrize("major", FOLDERS)
def test_webhooks_with_herokus_own_command_line(plane: Plane, tmp_path: Path, major: str) -> None:
    needs_heroku(major)
    heroku = Heroku(plane, tmp_path, major=major)
    app, url = f"hook-{major}", f"https://hooks.example.invalid/{SECRET}"
    plane.ok("create", app)
    words = ("-i", "api:release,api:domain", "-l", "sync", "-u", url, "-a", app)
    told = heroku.ok("webhooks:add", *words, "-s", "sign-it-with-this", "-t", "Bearer abcdef")
    assert "sign-it-with-this" in told
    shown = heroku.ok("webhooks", "-a", app)
    (hook,) = plane.api("GET", f"/apps/{app}/webhooks").json
    assert hook["id"][:8] in shown
    assert hook["url"] == url
    assert url[:40] in heroku.ok("webhooks:info", hook["id"], "-a", app)
    plane.ok("domains", app, "--add", f"www.{app}.example")
    where = f"/apps/{app}/webhook-deliveries"
    until(lambda: [d for d in plane.api("GET", where).json if d["num_attempts"]], 30, "it is tried")
    (delivery,) = plane.api("GET", where).json
    assert delivery["status"] == "retrying"
    assert delivery["event"]["include"] == "api:domain"
    assert "name is not known" in delivery["last_attempt"]["error_class"]
    assert "api:domain" in heroku.ok("webhooks:deliveries", "-a", app)
    assert "api:domain" in heroku.ok("webhooks:deliveries", "-s", "retrying", "-a", app)
    assert f"www.{app}.example" in heroku.ok("webhooks:deliveries:info", delivery["id"], "-a", app)
    assert "domain" in heroku.ok("webhooks:events", "-a", app)
    heroku.ok(
        "webhooks:update", hook["id"], *("-i", "api:app", "-l", "notify", "-u", url, "-a", app)
    )
    (after,) = plane.api("GET", f"/apps/{app}/webhooks").json
    assert (after["include"], after["level"]) == (["api:app"], "notify")
    heroku.ok("webhooks:remove", hook["id"], "-a", app)
    assert plane.api("GET", f"/apps/{app}/webhooks").json == []
    plane.ok("destroy", app, "--confirm", app)
