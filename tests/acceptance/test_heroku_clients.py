"""Clients of Heroku's API that are not its command line, unmodified, against a real Setpoint."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.plane import COMMAND_S_MAX, EXAMPLES, Plane
from tests.support.heroku import CLIENTS


def told(plane: Plane, home: Path, command: list[str]) -> Any:
    """The last line of a program that is prepared as `setpoint env --token` says."""
    token = (plane.data / "private" / "token").read_text().strip()
    authority = str(plane.data / "tls" / "ca.pem")
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "HEROKU_HOST": f"https://localhost:{plane.ports['tls']}",
        "HEROKU_API_KEY": token,
        "REQUESTS_CA_BUNDLE": authority,
        "SSL_CERT_FILE": authority,
        "NODE_EXTRA_CA_CERTS": authority,
    }
    ran = subprocess.run(command, env=env, capture_output=True, text=True, timeout=COMMAND_S_MAX)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}\n{plane.tails()}"
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.fixture
def source(tmp_path: Path) -> str:
    """The example web app, as a build wants it."""
    file = tmp_path / "source.tar.gz"
    with tarfile.open(file, "w:gz") as packed:
        packed.add(EXAMPLES / "hello-web", ".")
    return str(file)


def test_a_day_with_heroku3(plane: Plane, tmp_path: Path, source: str) -> None:
    script = str(CLIENTS / "heroku3_day.py")
    seen = told(plane, tmp_path, [sys.executable, script, "day-three", source])
    log = seen.pop("log")
    assert "app[run." in log
    assert "from heroku3" in log
    assert seen == {
        "account": "admin@setpoint.localhost",
        "rate_limit": 4500,
        "created": "day-three",
        "listed": True,
        "config": {"A": "1", "B": "zwölf"},
        "build": "succeeded",
        "output": True,
        "version": "v-one",
        "dynos": [["web.1", "up"]],
        "formation": ["web", 1, "Basic"],
        "scaled": 2,
        "batch": [1],
        "resized": ["Standard-1X"],
        "releases": [1],
        "newest": 1,
        "rollback": 3,
        "ran": "run",
        "domains": ["day-three.localhost"],
        "domain": "custom",
        "removed": True,
        "buildpacks": ["https://example.com/pack.tgz"],
        "collaborators": ["admin@setpoint.localhost"],
        "addons": 0,
        "drains": 0,
        "features": 0,
        "maintenance": [True, False],
        "renamed": "day-three-2",
        "refused": 404,
        "deleted": True,
    }


def test_a_day_with_heroku_client(plane: Plane, tmp_path: Path, source: str) -> None:
    node = shutil.which("node")
    if node is None or not (CLIENTS / "node_modules" / "heroku-client").is_dir():
        pytest.skip("needs heroku-client: `make test` installs it where there is npm")
    script = str(CLIENTS / "heroku_client_day.js")
    seen = told(plane, tmp_path, [node, script, "day-client", source])
    sizes = seen.pop("sizes")
    assert {"Eco", "Basic", "Standard-1X", "Performance-L-RAM"} <= set(sizes)
    assert seen == {
        "account": "admin@setpoint.localhost",
        "app": True,
        "listed": True,
        "paged": True,
        "mine": True,
        "filtered": ["day-client"],
        "config": True,
        "unset": {"B": "zwölf"},
        "unchanged": {"B": "zwölf"},
        "maintenance": True,
        "released": 0,
        "team": True,
        "roles": ["member", "admin"],
        "teamApps": True,
        "teamApp": True,
        "permissions": ["view", "deploy", "operate", "manage"],
        "invitations": 0,
        "allowed": [["view"], ["view", "deploy"]],
        "people": 2,
        "person": True,
        "alone": 1,
        "reader": "admin@setpoint.localhost",
        "readonly": [403, "forbidden"],
        "described": True,
        "listedToken": True,
        "outdated": [401, "unauthorized"],
        "renewed": "admin@setpoint.localhost",
        "revoked": [404, "not_found"],
        "put": 200,
        "build": ["succeeded", "v1"],
        "dyno": "web.1",
        "formation": True,
        "stopped": {},
        "stoppedOne": {},
        "restarted": {},
        "purged": {},
        "release": True,
        "vars": {"B": "zwölf"},
        "log": 200,
        "none": [0, 0, 0, 0, 0, 0],
        "size": "Standard-1X",
        "available": True,
        "stack": True,
        "region": True,
        "generation": True,
        "stacks": 1,
        "sources": ["get_url", "put_url"],
        "domain": "www.day-client.example",
        "undomained": True,
        "rate": True,
        "renamed": "day-client-2",
        "unknown": [404, "not_found"],
        "invalid": [422, "invalid_params"],
        "taken": [409, "conflict"],
        "destroyed": True,
        "gone": [404, "not_found"],
    }
