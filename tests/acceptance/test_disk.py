"""The disk kept in order on a real Setpoint: releases, layers, a full disk, a collector cut off."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.plane import Plane, fresh_plane, until
from tests.support.disks import plane_on_disk

PAGE = """
import http.server, os
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"page {n}")
http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Page).serve_forever()
"""
TMPFS_MIB = 700
LEAST_MIB = TMPFS_MIB // 4
"""what must be free of a disk so small"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "Procfile").write_text("web: python server.py\n")
    return folder


def deploy(plane: Plane, project: Path, n: int, app: str = "shop") -> None:
    (project / "server.py").write_text(PAGE.replace("{n}", f"{app} {n}"))
    plane.ok("deploy", str(project), "-a", app)


def codes(plane: Plane) -> set[str]:
    return {p.name for p in (plane.data / "layers/code").iterdir() if p.name[0] != "."}


def sources(plane: Plane) -> set[str]:
    return {p.name for p in (plane.data / "sources").glob("*.tar.gz")}


def hours_pass(plane: Plane) -> None:
    """For what lies on the disk and for the sources in memory: as if all had been made before."""
    then_s = time.time() - 2 * 3600
    for folder in ("layers/code", "layers/deps", "sources", "builds"):
        for path in (plane.data / folder).iterdir():
            os.utime(path, (then_s, then_s), follow_symlinks=False)
    with contextlib.closing(sqlite3.connect(plane.data / "private/setpoint.sqlite3")) as db, db:
        db.execute("UPDATE source SET at_s = ?", (then_s,))


@pytest.fixture(scope="module")
def grown() -> Iterator[Plane]:
    """After twelve deploys."""
    with fresh_plane() as plane, contextlib.ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory()))
        (folder / "Procfile").write_text("web: python server.py\n")
        for n in range(1, 13):
            deploy(plane, folder, n)
        yield plane


def test_what_is_young_stays(grown: Plane) -> None:
    before = codes(grown)
    assert len(before) == 12
    told = grown.ok("gc", "--dry-run", "--json").json
    assert [g["version"] for g in told["let_go"]] == [1, 2]
    assert told["removals"] == []
    assert codes(grown) == before


def test_a_dry_run_changes_nothing_and_then_ten_can_be_gone_back_to(grown: Plane) -> None:
    hours_pass(grown)
    before = codes(grown), sources(grown)
    would = grown.ok("gc", "--dry-run", "--json").json
    assert (codes(grown), sources(grown)) == before
    assert "shop v1 to v2: its app keeps the newest 10" in grown.ok("gc", "--dry-run").out
    did = grown.ok("gc", "--json").json
    assert {(r["kind"], r["name"]) for r in did["removals"]} == {
        (r["kind"], r["name"]) for r in would["removals"]
    }
    assert len(codes(grown)) == len(sources(grown)) == 10
    rows = grown.ok("releases", "shop", "--json").json
    assert [r["version"] for r in rows if r["kept"]] == [*range(12, 2, -1)]
    refused = grown.cli("rollback", "shop", "v2")
    assert (refused.code, "the slug of v2 is gone" in refused.err) == (2, True)
    grown.ok("rollback", "shop", "v3")
    assert grown.get("shop").text == "page shop 3"
    assert "its app keeps the newest 10" in grown.ok("why", "shop").out
    assert "layers " in grown.ok("doctor").out


def test_a_collector_killed_in_the_middle_loses_nothing_that_is_kept(grown: Plane) -> None:
    """Killed again and again, together with the daemon that waits for it."""
    with contextlib.ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory()))
        (folder / "Procfile").write_text("web: python server.py\n")
        for n in range(1, 4):
            deploy(grown, folder, n, "blog")
        grown.ok("destroy", "blog", "--confirm", "blog")
        hours_pass(grown)
        kept = {r["version"] for r in grown.ok("releases", "shop", "--json").json if r["kept"]}
        for _ in range(3):
            cut_off(grown)
    until(lambda: grown.cli("gc").code == 0, 60, grown.tails())
    rows = grown.ok("releases", "shop", "--json").json
    still = {r["version"] for r in rows if r["kept"]}
    assert still == kept == {*range(3, 14)}, "the newest ten, and the one that was gone back to"
    for version in sorted(still)[1:-1:4]:
        grown.ok("rollback", "shop", f"v{version}")
        assert grown.get("shop").text.startswith("page shop ")
    assert [p for p in (grown.data / "layers/code").iterdir() if p.name.startswith(".gone-")] == []


def cut_off(plane: Plane) -> None:
    asking = subprocess.Popen(
        [sys.executable, "-m", "setpoint.cli.main", "gc"],
        env=plane.env(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: collectors(plane) or asking.poll() is not None, 30, "a collector is at work")
    for pid in collectors(plane):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    old = plane.kill("daemon")
    asking.wait(60)
    until(lambda: plane.pid("daemon") != old, 30, "another daemon")
    until(lambda: plane.cli("status").code == 0, 30, "it answers")


def collectors(plane: Plane) -> list[int]:
    """Of this plane: children of its supervisor."""
    supervisor = plane.pid("supervisor")
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            words = (folder / "cmdline").read_bytes()
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if b"setpoint.processes.collector" in words and parent == supervisor:
                found.append(int(folder.name))
    return found


@pytest.fixture
def small_disk() -> Iterator[Plane]:
    with plane_on_disk(TMPFS_MIB) as plane:
        yield plane


def test_a_nearly_full_disk_refuses_deploys_and_nothing_else(
    small_disk: Plane, project: Path
) -> None:
    deploy(small_disk, project, 1)
    deploy(small_disk, project, 2)
    disk = os.statvfs(small_disk.data)
    spare = disk.f_bavail * disk.f_frsize - (LEAST_MIB - 20) * 1024 * 1024
    ballast = small_disk.data / "ballast"
    ballast.write_bytes(b"x" * spare)
    refused = small_disk.cli("deploy", str(project), "-a", "shop")
    assert refused.code == 2
    assert refused.err.startswith("cannot take a source: the disk is 7")
    assert "`setpoint gc" in refused.err
    assert "% full" in small_disk.ok("status").out
    small_disk.ok("scale", "shop", "web=2")
    small_disk.ok("config", "shop", "A=1")
    small_disk.ok("rollback", "shop", "v1")
    assert small_disk.get("shop").text == "page shop 1"
    small_disk.ok("down")
    assert "warning: the disk is 7" in small_disk.up().out
    ballast.unlink()
    deploy(small_disk, project, 3)
