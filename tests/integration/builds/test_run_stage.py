"""Packages that are source only: built in the app's own sandbox, by a real plane."""

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from setpoint.drivers.builders.stack import interpreter, stack
from setpoint.drivers.local.builds import BUILD_S_MAX, Process
from setpoint.drivers.local.run_stage import NAME
from setpoint.formats import control
from setpoint.model.ids import BuildId, Digest
from setpoint.model.release import Build, BuildRequest
from tests.integration.builds.site import BuildSite, plane_up
from tests.support.index import Index, served
from tests.support.waiting import until

WEB = {"Procfile": "web: python app.py\n", "app.py": "import six\n"}
BUILD_S = 60.0


@dataclass
class Site(BuildSite):
    """A plane whose operator set an index of packages that are source only."""

    index: Index = field(kw_only=True)

    def ask_for(self, app: str, requirements: str) -> BuildRequest:
        return self.ask(app, {**WEB, "requirements.txt": requirements})

    def built(self, app: str, requirements: str) -> Build:
        return self.ended(self.ask_for(app, requirements))

    def layer(self, build: Build) -> Path:
        assert build.slug is not None, build.message
        (web,) = build.slug.processes
        assert web.layer is not None
        return self.plane.paths.layers / "deps" / web.layer

    def sandboxes(self) -> list[str]:
        """Command lines of processes that build from source."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if f":{self.plane.paths.installation}:" in line and f"@{NAME}." in line:
                found.append(line)
        return found


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with served() as index, pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_INDEX", index.url)
        with plane_up() as plane:
            yield Site(plane, BUILD_S, index=index)


def test_source_only_package_is_built_and_installed(site: Site) -> None:
    site.index.publish("spgood", body="print('on my way')")
    build = site.built("good", "spgood\n")
    layer = site.layer(build)
    done = subprocess.run(
        [layer / "bin/python", "-c", "import spgood; print(spgood.VERSION)"],
        capture_output=True,
        text=True,
    )
    assert done.stdout == "1.0\n", done.stderr
    said = site.said(build)
    assert "       published as source only: spgood 1.0\n" in said
    assert "-----> Building spgood 1.0 from source\n" in said
    assert "       on my way\n" in said
    assert said.count("-----> Python app detected") == 1
    assert "-----> Build succeeded" in said
    assert not list(site.plane.paths.builds.glob("*.run"))


def test_what_was_built_for_one_app_reaches_no_other_and_no_cache(site: Site) -> None:
    site.index.publish("spown")
    one, two = site.built("one", "spown\n"), site.built("two", "spown\n")
    assert site.layer(one) != site.layer(two)
    assert "Building spown 1.0 from source" in site.said(two)
    inodes = {p.lstat().st_ino for p in site.layer(one).rglob("spown*")}
    assert inodes.isdisjoint(p.lstat().st_ino for p in site.layer(two).rglob("spown*"))
    cached = [p for p in site.plane.paths.cache.rglob("*spown*") if p.suffix != ".rkyv"]
    assert cached == []


FORGES = """
import zipfile as real
class zipfile:
    @staticmethod
    def ZipFile(path, mode):
        made = real.ZipFile(path, mode)
        made.writestr("six.py", "WHO = 'evil'\\n")
        made.writestr("__pycache__/six.{tag}.pyc", b"evil")
        return made
"""
"""A build that packs a module which everybody has from elsewhere, and bytecode of it."""


def test_what_was_built_overwrites_no_module_and_no_bytecode_of_other_apps(site: Site) -> None:
    tag = interpreter(site.plane.python).cache_tag
    site.index.publish("spforges", body=FORGES.format(tag=tag))
    honest = site.layer(site.built("honest", "six\n"))
    forged = site.layer(site.built("forged", "spforges\nsix\n"))
    later = site.layer(site.built("later", "# another layer\nsix\nidna\n"))
    ask = "import six; print(hasattr(six, 'WHO'), six.__cached__)"
    for layer in (honest, later):
        done = subprocess.run([layer / "bin/python", "-c", ask], capture_output=True, text=True)
        (compiled,) = layer.rglob("six.*.pyc")
        assert done.stdout == f"False {compiled}\n", done.stderr
        assert b"evil" not in compiled.read_bytes()
    (own,) = forged.rglob("six.*.pyc")
    assert not own.samefile(next(honest.rglob("six.*.pyc")))


def test_known_layer_is_not_built_again(site: Site) -> None:
    site.index.publish("sponce")
    first = site.built("once", "sponce\n")
    site.index.asked.clear()
    second = site.built("once", "# another source, the same needs\nsponce\n")
    assert site.layer(second) == site.layer(first)
    assert "from source" not in site.said(second)
    assert site.index.asked == []


HOSTILE = """
import os, socket, subprocess
DATA, CACHE, LAYERS = {data!r}, {cache!r}, {layers!r}
def attempt(what, how):
    try:
        print("DONE" if how() is None else "DONE", what)
    except BaseException as error:
        print("kept from", what, type(error).__name__)
def connect(where):
    with socket.create_connection(where, 2): pass
def bomb():
    for _ in range(400):
        if os.fork() == 0:
            import time
            time.sleep(300)
            os._exit(0)
attempt("private", lambda: os.listdir(DATA + "/private"))
attempt("sources", lambda: os.listdir(DATA + "/sources"))
attempt("cache", lambda: open(CACHE + "/evil", "w"))
attempt("layers", lambda: open(LAYERS + "/evil", "w"))
attempt("caches of others", lambda: os.listdir(DATA + "/build-caches"))
attempt("trees", lambda: os.listdir(DATA + "/trees"))
attempt("usr", lambda: open("/usr/evil", "w"))
attempt("loopback", lambda: connect(("127.0.0.1", {port})))
if {limited}:
    attempt("bomb", bomb)
raise SystemExit("that was all")
"""


def test_hostile_build_gets_nowhere_and_what_was_there_stays(site: Site) -> None:
    paths = site.plane.paths
    site.index.publish("spcalm")
    before = site.built("prey", "spcalm\n")
    site.index.publish(
        "sphostile",
        body=HOSTILE.format(
            data=str(paths.data), cache=str(paths.cache), layers=str(paths.layers),
            port=site.index.port, limited=site.plane.probe().limits,
        ),
    )  # fmt: skip
    build = site.built("prey", "sphostile\n")
    said = site.said(build)
    assert (build.status, build.user_error, build.slug) == ("failed", True, None)
    for what in (
        *("private", "sources", "cache", "layers", "caches of others", "trees", "usr"),
        "loopback",
    ):
        assert f"kept from {what} " in said, said
    if site.plane.probe().limits:
        assert "kept from bomb BlockingIOError" in said
    assert "sphostile 1.0 is published as source only, and building it failed" in build.message
    assert "that was all" in build.message
    assert not list(paths.layers.rglob("evil"))
    assert (site.layer(before) / "bin/python").exists()
    until(lambda: not site.sandboxes(), what="nothing of it runs any more")


def test_compiler_that_is_missing_is_named(site: Site) -> None:
    body = "import subprocess\nsubprocess.run(['/nowhere/gcc', '-c', 'x.c'])"
    site.index.publish("spcompiled", body=body)
    build = site.built("compiled", "spcompiled\n")
    head, hint = build.message.splitlines()[:2]
    assert head == (
        "cannot build compiled: spcompiled 1.0 is published as source only, and building it needs "
        "gcc, which this machine does not have"
    )
    assert hint == "ask the operator to install gcc, or pin a version that has a wheel"
    assert build.user_error


def test_need_that_only_the_build_tells_is_told_to_the_user(site: Site) -> None:
    site.index.publish("spsecretive", built_needs=("six",))
    build = site.built("secretive", "spsecretive\n")
    assert build.message.splitlines()[:2] == [
        "cannot build secretive: spsecretive 1.0, built from source, requires `six`, but it's not "
        "installed",
        "add that to requirements.txt",
    ]
    assert site.built("secretive", "spsecretive\nsix\n").status == "succeeded"


def test_wheel_of_another_name_is_not_taken(site: Site) -> None:
    site.index.publish("spliar", body="globals().update(NAME='six')")
    build = site.built("liar", "spliar\n")
    assert "gave no wheel of that name" in build.message


def test_supervisor_killed_in_the_run_stage_begins_it_again(site: Site, tmp_path: Path) -> None:
    body = "import time\nprint('slow one')\ntime.sleep(3)"
    site.index.publish("spslow", body=body)
    request = site.ask_for("slow", "spslow\n")
    site.says(request, "slow one")
    site.plane.signal_supervisor(signal.SIGKILL)
    assert site.ended(request).status == "succeeded"
    assert site.said(request).count("Building spslow 1.0 from source") == 2
    until(lambda: not site.sandboxes(), what="no sandbox is left")


def test_what_lies_where_a_result_belongs_stops_nobody(site: Site) -> None:
    """The folder is the builder's, which unpacks what anybody packed."""
    builds = site.plane.paths.builds
    os.mkfifo(builds / "fifo.json")
    (builds / "nowhere.json").symlink_to("/nowhere")
    (builds / "endless.json").symlink_to("/dev/zero")
    site.plane.signal_supervisor(signal.SIGKILL)
    site.index.publish("sppatient")
    try:
        assert site.built("patient", "sppatient\n").status == "succeeded"
    finally:
        for path in ("fifo", "nowhere", "endless"):
            (builds / f"{path}.json").unlink()


def test_build_that_takes_too_long_frees_its_place_for_good(site: Site) -> None:
    """Begun long ago, as its record says to the next supervisor."""
    site.index.publish("spheld", body="import time\nprint('for ever')\ntime.sleep(3000)")
    request = site.ask_for("held", "spheld\n")
    site.says(request, "for ever")
    record = site.plane.paths.runtime / "builds" / f"{request.id}.json"
    process = msgspec.json.decode(record.read_bytes(), type=Process)
    long_ago = msgspec.structs.replace(process, begun_s=process.begun_s - BUILD_S_MAX)
    record.write_bytes(msgspec.json.encode(long_ago))
    site.plane.signal_supervisor(signal.SIGKILL)
    build = site.ended(request)
    assert (build.status, build.user_error) == ("failed", True)
    assert "it took over 30 minutes" in build.message
    until(lambda: not site.sandboxes(), what="its sandbox has ended")
    assert not record.exists()


def test_source_that_is_no_longer_there_is_told_and_not_looked_for_again(site: Site) -> None:
    lost, here = Digest("ab" * 32), stack(site.plane.python)
    request = BuildRequest(BuildId("e" * 32), site.plane.app("lost"), "lost", lost, here)
    site.plane.run(lambda driver: driver.build(request, {}))
    build = site.ended(request)
    assert (build.status, build.final) == ("failed", True)
    assert build.message == "cannot build: source abababab is no longer here\ndeploy it again"
    assert site.built("later", "six\n").status == "succeeded"


def test_build_of_an_app_that_goes_away_is_ended(site: Site) -> None:
    site.index.publish("spendless", body="import time\nprint('for ever')\ntime.sleep(3000)")
    request = site.ask_for("endless", "spendless\n")
    site.says(request, "for ever")
    site.plane.tell(control.DropApp(request.app))
    until(lambda: not site.sandboxes(), what="its sandbox has ended")
    until(lambda: not list(site.plane.paths.builds.glob(f"{request.id}*")), what="nothing is left")
    assert request.id not in [build.id for build in site.builds()]


def test_legacy_package_of_the_real_index_is_built(site: Site) -> None:
    build = site.built("docs", "docopt==0.6.2\n")
    done = subprocess.run(
        [site.layer(build) / "bin/python", "-c", "import docopt; print(docopt.__version__)"],
        capture_output=True,
        text=True,
    )
    assert done.stdout == "0.6.2\n", done.stderr
