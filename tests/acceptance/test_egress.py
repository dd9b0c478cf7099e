"""The way out of an app, by a whole Setpoint on a machine with a simulated internet."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from setpoint.drivers.local import paths
from setpoint.drivers.local.sandbox import nftables, uplinks, wall
from setpoint.drivers.local.sandbox.netlink import Netlink
from tests.acceptance.plane import Plane, fresh_plane, until
from tests.support import internet
from tests.support.internet import WEB, Internet

DIALLER = """
import http.server, os, socket

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        said = b"started"
        host, _, port = self.path.strip("/").partition(":")
        if port:
            try:
                with socket.create_connection((host, int(port)), 3) as peer:
                    peer.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
                    said = peer.recv(1000)[-18:]
            except OSError as error:
                said = type(error).__name__.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *words):
        pass

http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Page).serve_forever()
"""
GREETING = "hello from outside"


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Internet]:
    if os.geteuid() != 0:
        pytest.skip("a simulated internet needs root, and so does level L3")
    with internet.simulated() as made:
        monkeypatch.setenv(uplinks.NAMESERVER, internet.NAMESERVER)
        yield made


@pytest.fixture
def plane(outside: Internet) -> Iterator[Plane]:
    """All of it lives in there, too: a process begins in the network of who started it."""
    with fresh_plane() as made:
        yield made


def deploy(plane: Plane, folder: Path) -> None:
    files = {"Procfile": "web: python dial.py\n", "dial.py": DIALLER, "requirements.txt": ""}
    for name, text in files.items():
        (folder / name).write_text(text)
    plane.ok("deploy", str(folder), "-a", "shop")


def dialled(plane: Plane, host: str, port: int = 80) -> str:
    return plane.get("shop", f"/{host}:{port}").text


def instances(plane: Plane) -> list[float]:
    return [dyno["started_at_s"] for dyno in plane.info("shop")["dynos"]]


def test_an_app_reaches_what_its_egress_says_through_kills_and_restarts(
    plane: Plane, tmp_path: Path
) -> None:
    deploy(plane, tmp_path)
    before = instances(plane)
    assert "egress     internet (default)" in plane.ok("info", "shop").out
    assert dialled(plane, "web.example") == GREETING
    assert dialled(plane, "10.9.9.9") == dialled(plane, internet.MACHINE, plane.ports["api"])
    assert dialled(plane, "10.9.9.9") == "ConnectionRefusedError"

    ran = plane.ok("egress", "shop", "internet", "10.9.9.0/24", "-m", "the database is there")
    assert "shop: internet 10.9.9.0/24" in ran.out
    assert dialled(plane, "10.9.9.9") == GREETING
    assert "the database is there" in plane.ok("why", "shop", "egress").out
    for name in ("supervisor", "daemon"):
        old = plane.kill(name)
        until(lambda name=name, old=old: plane.pid(name) != old, 60, f"{name} is back")
    plane.ok("status", "shop")
    assert dialled(plane, "10.9.9.9") == dialled(plane, WEB) == GREETING
    plane.ok("down", "--keep-apps")
    plane.up()
    assert dialled(plane, "10.9.9.9") == dialled(plane, WEB) == GREETING

    plane.ok("egress", "shop", "none")
    assert dialled(plane, WEB) == "OSError"
    assert dialled(plane, "web.example") == "gaierror"
    assert plane.ok("egress", "shop").out.strip() == "none"
    assert plane.get("shop").text == "started"
    assert instances(plane) == before

    plane.ok("restart", "shop")
    assert dialled(plane, WEB) == "OSError"
    plane.ok("egress", "shop", "default")
    assert dialled(plane, WEB) == GREETING


def test_a_job_of_an_app_that_runs_nothing_else_has_its_way_out(
    plane: Plane, tmp_path: Path
) -> None:
    deploy(plane, tmp_path)
    plane.ok("scale", "shop", "web=0")
    dial = f"python -c \"import socket; socket.create_connection(('{WEB}', 80), 3); print('in')\""
    assert "in" in plane.ok("run", "-a", "shop", "--", "sh", "-c", dial).out
    plane.ok("egress", "shop", "none")
    ran = plane.cli("run", "-a", "shop", "--", "sh", "-c", dial)
    assert "unreachable" in ran.out + ran.err


def test_what_cannot_be_opened_is_refused_and_nothing_is_written(plane: Plane) -> None:
    assert plane.api("POST", "/apps", {"name": "shop"}).status == 201
    for said in ("169.254.169.254", "everything", "0.0.0.0/0"):
        ran = plane.cli("egress", "shop", said)
        assert ran.code == 2
        assert "cannot set the egress of 'shop'" in ran.err
    assert plane.ok("egress", "shop", "--json").json["default"]


def test_down_takes_everything_of_it_away_and_nothing_else(
    outside: Internet, tmp_path: Path
) -> None:
    mine = nftables.Table("somebodys")
    nftables.transaction([mine.add(), mine.chain("through", nftables.FORWARD, 0)])
    with fresh_plane() as plane:
        deploy(plane, tmp_path)
        assert uplinks.opened() == {"wan0"}
        assert "egress     public addresses" in plane.ok("doctor").out
        ours = nftables.Table(f"setpoint-{paths.installation(plane.data)}")
        assert ours.stands()
    with Netlink() as netlink:
        assert not [name for name, _ in netlink.links() if name.startswith(wall.LINK_PREFIX)]
    assert mine.stands()
    assert not ours.stands()
    assert not nftables.Table("setpoint-uplinks").stands()
    for switch in ("ip_forward", "conf/wan0/forwarding"):
        assert Path("/proc/sys/net/ipv4", switch).read_text() == "0\n"


def test_an_ordinary_user_is_told_that_there_is_no_way_out(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root has ways out to give")
    with fresh_plane() as plane:
        if plane.ok("doctor", "--json").json["level"] != "L2":
            pytest.skip("this user has no namespaces")
        deploy(plane, tmp_path)
        assert dialled(plane, WEB) == "OSError"
        told = "internet (default); apps have no way out at this level"
        assert plane.ok("egress", "shop").out.strip() == told
        assert plane.cli("gaps", "shop").code == 0
        ran = plane.cli("egress", "shop", "internet")
        assert ran.code == 3
        assert "egress: wanted internet, offered none: apps run at level L2 here" in ran.err
        assert plane.get("shop").text == "started"
        plane.ok("egress", "shop", "none")
