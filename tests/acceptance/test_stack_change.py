"""The machine's operating system is upgraded under a real Setpoint: it becomes another stack."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.plane import SETPOINT, Load, Plane, fresh_plane, until

OS_RELEASE = Path("/etc/os-release")
SERVER = """\
import http.server, os
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"here I am")
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Page).serve_forever()
"""


@pytest.fixture
def plane() -> Iterator[Plane]:
    if os.geteuid() != 0:
        pytest.skip("only root can show a plane another /etc/os-release")
    with fresh_plane(start=False) as plane:
        plane.up()
        yield plane


def up_on(plane: Plane, os_release: Path) -> None:
    """In a mount namespace of its own, where that file is the machine's."""
    words = [*SETPOINT, "up", "--detach", "--edge-port", str(plane.ports["edge"])]
    words += ["--api-port", str(plane.ports["api"]), "--tls-port", "0", "--floor", "L0"]
    script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
    target = str(OS_RELEASE.resolve())
    inside = ["unshare", "--mount", "sh", "-c", script, "sh", str(os_release), target, *words]
    done = subprocess.run(inside, env=plane.env(), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr + plane.tails()


def stack_of(plane: Plane, version: int) -> str:
    return plane.ok("releases", "shop", f"v{version}", "--json").json["stack"]


def test_an_app_is_built_again_for_the_new_stack_while_the_old_release_serves(
    plane: Plane, tmp_path: Path
) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "web.py").write_text(SERVER)
    (folder / "Procfile").write_text("web: exec python web.py\nrelease: echo migrated\n")
    (folder / "requirements.txt").write_text("six\n")
    plane.ok("deploy", str(folder), "-a", "shop")
    before = stack_of(plane, 1)
    plane.ok("down", "--keep-apps")
    upgraded = tmp_path / "os-release"
    upgraded.write_text("ID=testing\nVERSION_ID=99\n")
    upgraded.chmod(0o644)
    up_on(plane, upgraded)
    with Load(lambda: plane.get("shop"), visitors=2) as load:
        until(lambda: len(plane.ok("releases", "shop", "--json").json) == 2, 60, plane.tails())
        until(lambda: plane.info("shop")["state"] == "settled", 60, plane.tails())
        load.more(20)
    assert load.errors == []
    newest, first = plane.ok("releases", "shop", "--json").json
    assert (newest["status"], newest["current"], newest["change"]) == (
        "succeeded",
        True,
        first["change"],
    )
    assert stack_of(plane, 1) == before
    assert stack_of(plane, 2).startswith("testing-99-py3.")
    assert newest["description"] == f"{first['description']}, built again for {stack_of(plane, 2)}"
    told = plane.ok("why", "shop", "-n", "50").out
    assert f"v1 was built on {before}; this is testing-99-" in told
    said = plane.ok("logs", "shop", "--dyno", "release").out.splitlines()
    ran = [line for line in said if line.endswith(": migrated")]
    assert len(ran) == 1, f"nobody asked for it to run again: {said}"
