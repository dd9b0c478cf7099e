"""app.json on a real plane: an app begins as it says, and `why` can tell the file from people."""

import json
import shutil
from pathlib import Path

from tests.acceptance.plane import EXAMPLES, Plane, until

SAID = {
    "env": {
        "MOOD": {"value": "sunny", "description": "of the front page"},
        "SECRET_KEY": {"generator": "secret"},
    },
    "formation": {"web": {"quantity": 2}},
    "addons": ["heroku-postgresql"],
    "scripts": {"postdeploy": 'echo "seeded in $MOOD"'},
}


def test_an_app_begins_as_its_app_json_says(plane: Plane, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(EXAMPLES / "hello-web", source)
    (source / "app.json").write_text(json.dumps(SAID))
    told = plane.ok("deploy", str(source), "-a", "by-the-file")
    assert "app.json wants the add-on heroku-postgresql" in told.out + told.err
    assert plane.get("by-the-file").status == 200
    config = plane.ok("config", "by-the-file", "--json").out
    assert "sunny" in config
    assert "SECRET_KEY" in config
    detail = plane.ok("info", "by-the-file", "--json").json
    assert [d["name"] for d in detail["dynos"]] == ["web.1", "web.2"]
    assert "app.json, of the front page" in plane.ok("why", "by-the-file", "config.MOOD").out
    until(lambda: "seeded in sunny" in plane.ok("logs", "by-the-file").out, 60, "it was seeded")
    plane.ok("config", "by-the-file", "--unset", "MOOD")
    again = plane.ok("deploy", str(source), "-a", "by-the-file")
    assert again.code == 0
    assert "sunny" not in plane.ok("config", "by-the-file", "--json").out
    assert plane.ok("logs", "by-the-file", "-n", "1000").out.count("seeded in sunny") == 1
