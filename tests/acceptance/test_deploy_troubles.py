"""Trouble in the middle of a deploy: a builder killed, a failed build, no room, two at once.

A builder is held still with SIGSTOP where a test must know that a build is under way.
"""

import contextlib
import http.client
import io
import json
import os
import signal
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.acceptance.plane import SETPOINT, Load, Plane, fresh_plane, until
from tests.support.disks import MIB, fill, plane_on_disk
from tests.support.processes import alive, held_still

SERVER = """\
import http.server, os
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"LETTER " + os.environ.get("GREETING", "-").encode())
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Page).serve_forever()
"""
LONG = "x(1)\n" * 200_000
"""a module that takes most of a second to compile, and a MiB of room"""


def write(folder: Path, letter: str, long_modules: int = 0) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "Procfile").write_text("web: exec python web.py\n")
    (folder / "web.py").write_text(SERVER.replace("LETTER", letter))
    for n in range(long_modules):
        (folder / f"long{n}.py").write_text(f"# {n}: each is compiled\n{LONG}")
    return folder


@pytest.fixture(scope="module")
def busy() -> Iterator[Plane]:
    with fresh_plane() as plane:
        yield plane


@contextlib.contextmanager
def deploying(
    plane: Plane, app: str, folder: Path, *more: str
) -> Iterator["subprocess.Popen[str]"]:
    asking = subprocess.Popen(
        [*SETPOINT, "deploy", str(folder), "-a", app, *more],
        env=plane.env(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield asking
    finally:
        asking.kill()
        asking.communicate()


def builders(plane: Plane) -> list[int]:
    """That are at work."""
    return [pid for pid in plane.helpers("setpoint.processes.builder") if _speaks(pid)]


def waiting_builders(plane: Plane) -> list[int]:
    return [pid for pid in plane.helpers("setpoint.processes.builder") if not _speaks(pid)]


def a_waiting_builder(plane: Plane) -> int:
    """The next build's: it can be held still before that begins."""
    until(lambda: waiting_builders(plane), 30, f"a builder waits\n{plane.tails()}")
    return waiting_builders(plane)[0]


def outputs(plane: Plane) -> set[Path]:
    """Of builds that were ordered."""
    return {*(plane.data / "builds").glob("*.log")}


def _speaks(pid: int) -> bool:
    """Whether it has a build's output."""
    try:
        return os.readlink(f"/proc/{pid}/fd/1").endswith(".log")
    except OSError:
        return False


def a_builder(plane: Plane) -> int:
    until(lambda: builders(plane), 30, f"a builder is at work\n{plane.tails()}")
    return builders(plane)[0]


def unfinished(plane: Plane) -> list[Path]:
    return list((plane.data / "layers").glob("*/.new-*"))


def builds(plane: Plane, app: str) -> list[dict[str, Any]]:
    token = (plane.data / "private" / "token").read_text().strip()
    link = http.client.HTTPConnection("127.0.0.1", plane.ports["api"], timeout=30)
    with contextlib.closing(link):
        accept = "application/vnd.heroku+json; version=3"
        asks = {"Authorization": f"Bearer {token}", "Accept": accept}
        link.request("GET", f"/apps/{app}/builds", headers=asks)
        return json.loads(link.getresponse().read())


def test_a_builder_killed_in_the_middle_is_started_again_and_the_deploy_ends_well(
    busy: Plane, tmp_path: Path
) -> None:
    busy.ok("deploy", str(write(tmp_path / "old", "OLD")), "-a", "killed")
    new = write(tmp_path / "new", "NEW", long_modules=3)
    with (
        Load(lambda: busy.get("killed"), visitors=2) as load,
        deploying(busy, "killed", new) as asking,
    ):
        pid = a_builder(busy)
        until(lambda: unfinished(busy), 30, "it has begun to unpack")
        os.kill(pid, signal.SIGKILL)
        until(lambda: pid not in builders(busy), 30, "it is gone")
        assert busy.get("killed").text == "OLD -"
        assert asking.poll() is None
        out, err = asking.communicate(timeout=120)
        load.more(20)
    assert (asking.returncode, load.errors) == (0, []), (out, err)
    assert busy.get("killed").text == "NEW -"
    assert [b["status"] for b in builds(busy, "killed")] == ["succeeded", "succeeded"]
    assert unfinished(busy) == []


def test_the_next_deploy_is_built_by_a_builder_that_waited(busy: Plane, tmp_path: Path) -> None:
    busy.ok("deploy", str(write(tmp_path / "one", "ONE")), "-a", "waited")
    pid, before = a_waiting_builder(busy), outputs(busy)
    with deploying(busy, "waited", write(tmp_path / "two", "TWO")) as asking:
        with held_still(pid):
            until(lambda: outputs(busy) > before, 30, "it is to be built")
            assert builders(busy) == []
            assert busy.get("waited").text == "ONE -"
        out, err = asking.communicate(timeout=120)
    assert asking.returncode == 0, (out, err)
    assert busy.get("waited").text == "TWO -"


def test_a_waiting_builder_ends_with_its_supervisor(busy: Plane, tmp_path: Path) -> None:
    busy.ok("deploy", str(write(tmp_path / "one", "ONE")), "-a", "left")
    pid = a_waiting_builder(busy)
    busy.kill("supervisor")
    until(lambda: not alive(pid), 30, "it is gone")
    busy.ok("deploy", str(write(tmp_path / "two", "TWO")), "-a", "left")
    assert busy.get("left").text == "TWO -"


def test_a_failed_build_is_not_built_again_by_scale_and_config(busy: Plane, tmp_path: Path) -> None:
    """And what is asked for is carried out on the slug that runs."""
    folder = write(tmp_path / "shop", "GOOD")
    busy.ok("deploy", str(folder), "-a", "failed")
    (folder / "web.py").write_text(SERVER.replace("LETTER", "BAD"))
    (folder / "requirements.txt").write_text("this is ! no requirement\n")
    assert busy.cli("deploy", str(folder), "-a", "failed").code == 3
    before = builds(busy, "failed")
    outputs = {p.name: p.stat().st_ino for p in (busy.data / "builds").glob("*.log")}
    busy.cli("scale", "failed", "web=0")
    busy.cli("scale", "failed", "web=1")
    busy.cli("config", "failed", "GREETING=hello")
    until(lambda: busy.get("failed").text == "GOOD hello", 30, "the config is released")
    after = builds(busy, "failed")
    assert [b["id"] for b in after] == [b["id"] for b in before]
    assert [b["status"] for b in after] == ["succeeded", "failed"]
    assert {p.name: p.stat().st_ino for p in (busy.data / "builds").glob("*.log")} == outputs
    begun = busy.ok("why", "failed", "-n", "50").out.count("was deployed and is not built yet")
    assert begun == 2


def test_a_command_of_the_procfile_that_is_not_there_is_named_and_the_old_release_serves(
    busy: Plane, tmp_path: Path
) -> None:
    folder = write(tmp_path / "shop", "GOOD")
    busy.ok("deploy", str(folder), "-a", "misspelt")
    (folder / "Procfile").write_text("web: gunicron shop.wsgi\n")
    ran = busy.cli("deploy", str(folder), "-a", "misspelt")
    assert ran.code == 3, (ran.out, ran.err)
    assert "cannot deploy misspelt: it was built, but does not run" in ran.err
    assert "web exited with code 127 before it was ready" in ran.err
    assert "gunicron: not found" in ran.err.replace("command not found", "not found")
    assert "v1 still serves" in ran.err
    assert busy.get("misspelt").text == "GOOD -"


def test_a_schedule_that_reached_the_builder_unread_fails_the_build_by_its_place(
    busy: Plane, tmp_path: Path
) -> None:
    """The command line refuses it before; another client sends what it has."""
    cron = '{"cron": [{"schedule": "at noon", "command": "python nightly.py"}]}'
    (write(tmp_path / "shop", "GOOD") / "app.json").write_text(cron)
    busy.ok("create", "noon")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.add(tmp_path / "shop", "")
    urls = busy.api("POST", "/sources").json["source_blob"]
    busy.api("PUT", urlsplit(urls["put_url"]).path, packed.getvalue())
    busy.api("POST", "/apps/noon/builds", {"source_blob": {"url": urls["get_url"]}})
    until(lambda: busy.info("noon")["state"] == "stalled", 60, busy.tails())
    (build,) = builds(busy, "noon")
    assert build["status"] == "failed"
    assert "app.json: cron[0].schedule: 'at noon' is no schedule" in build["message"]


def test_of_two_pushes_the_older_is_routed_never_even_if_its_build_ends_last(
    busy: Plane, tmp_path: Path
) -> None:
    older, newer = write(tmp_path / "a", "A", long_modules=1), write(tmp_path / "b", "B")
    busy.ok("deploy", str(older), "-a", "pushed", "--no-wait")
    pid = a_builder(busy)
    seen: set[str] = set()
    over = threading.Event()

    def visit() -> None:
        while not over.is_set():
            seen.add(busy.get("pushed").text)

    with held_still(pid):
        busy.ok("deploy", str(newer), "-a", "pushed")
        assert busy.get("pushed").text == "B -"
        assert pid in builders(busy), "A is still being built while B serves"
        visitor = threading.Thread(target=visit)
        visitor.start()
    try:
        until(lambda: pid not in builders(busy), 60, "A's build has ended")
        until(lambda: _succeeded(busy, "pushed") == 2, 30, "and is known")
        busy.ok("config", "pushed", "GREETING=later")
    finally:
        over.set()
        visitor.join()
    assert seen <= {"B -", "B later"}
    assert busy.get("pushed").text == "B later"


def _succeeded(plane: Plane, app: str) -> int:
    """Results of builds on the disk; nothing else is built on this plane meanwhile."""
    ids = [b["id"] for b in builds(plane, app)]
    return sum((plane.data / "builds" / f"{id}.json").exists() for id in ids)


@pytest.fixture
def small_disk() -> Iterator[Plane]:
    with plane_on_disk(300) as plane:
        yield plane


def test_a_disk_that_fills_during_a_build_is_told_and_the_deploy_goes_on_when_there_is_room(
    small_disk: Plane, tmp_path: Path
) -> None:
    plane = small_disk
    plane.ok("deploy", str(write(tmp_path / "old", "OLD")), "-a", "shop")
    new = write(tmp_path / "new", "NEW", long_modules=4)
    pid, before = a_waiting_builder(plane), outputs(plane)
    with deploying(plane, "shop", new, "--timeout", "8") as asking:
        with held_still(pid):
            until(lambda: outputs(plane) > before, 30, "it is to be built")
            ballast = fill(plane.data, 2 * MIB)  # less than the source unpacked
        out, err = asking.communicate(timeout=60)
    assert asking.returncode == 3, (out, err)
    assert "cannot build shop: the disk is full" in err
    assert "v1 still serves" in err
    assert "Traceback" not in err
    assert plane.get("shop").text == "OLD -"
    ballast.unlink()
    until(lambda: plane.get("shop").text == "NEW -", 60, "it goes on by itself")
    assert unfinished(plane) == []
    plane.ok("deploy", str(new), "-a", "shop")


def test_a_disk_with_no_byte_left_takes_no_verdict_and_holds_up_nobody(
    small_disk: Plane, tmp_path: Path
) -> None:
    plane = small_disk
    plane.ok("deploy", str(write(tmp_path / "old", "OLD")), "-a", "shop")
    new = write(tmp_path / "new", "NEW", long_modules=1)
    pid, before = a_waiting_builder(plane), outputs(plane)
    with deploying(plane, "shop", new, "--timeout", "8") as asking:
        with held_still(pid):
            until(lambda: outputs(plane) > before, 30, "it is to be built")
            ballast = fill(plane.data)
        out, err = asking.communicate(timeout=60)
    assert asking.returncode == 4, (out, err)
    assert "shop has not settled in 8 s" in err
    assert "Traceback" not in err
    assert plane.get("shop").text == "OLD -"
    until(lambda: not builders(plane), 60, "the builder has ended")
    ballast.unlink()
    until(lambda: plane.get("shop").text == "NEW -", 60, "it goes on by itself")
    assert unfinished(plane) == []


def test_a_disk_that_fills_during_the_release_phase_holds_the_release_up_and_runs_it_once(
    small_disk: Plane, tmp_path: Path
) -> None:
    plane = small_disk
    plane.ok("deploy", str(write(tmp_path / "old", "OLD")), "-a", "shop")
    new = write(tmp_path / "new", "NEW")
    with (new / "Procfile").open("a") as procfile:
        procfile.write("release: echo migrating; sleep 10; exit 0\n")
    with deploying(plane, "shop", new, "--timeout", "20") as asking:
        until(lambda: _begun(plane), 60, f"the release phase has begun\n{plane.tails()}")
        ballast = fill(plane.data)
        out, err = asking.communicate(timeout=90)
    assert asking.returncode == 4, (out, err)
    assert "Traceback" not in err
    assert plane.get("shop").text == "OLD -"
    ballast.unlink()
    until(lambda: plane.get("shop").text == "NEW -", 60, "it goes on by itself")
    assert _begun(plane) == 1
    plane.ok("config", "shop", "GREETING=hello")
    assert (plane.get("shop").text, _begun(plane)) == ("NEW hello", 2)


def _begun(plane: Plane) -> int:
    """How often its release phase has."""
    said = plane.cli("logs", "shop", "--dyno", "release").out.splitlines()
    return sum(line.endswith(": migrating") for line in said)
