"""Commands on a tree: run in the app's own sandbox, and what comes of it taken back as data."""

import asyncio
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from setpoint.drivers.builders.errors import CannotBuild, NeedsRunStage
from setpoint.drivers.builders.on_tree import OnTree, key
from setpoint.drivers.builders.stack import candidates, find_python
from setpoint.drivers.local import sandbox, uids
from setpoint.drivers.local.errands import Asked, Shop
from setpoint.drivers.local.files import DiskFolder
from setpoint.drivers.local.ground import Ground
from setpoint.drivers.local.handovers import Handovers
from setpoint.drivers.local.lasting import Lasting
from setpoint.drivers.local.recipe import Layers
from setpoint.drivers.local.run_stage import RunStage
from setpoint.drivers.local.sandbox import Confinement
from setpoint.drivers.local.trees import Trees
from setpoint.drivers.local.ways_out import WaysOut
from setpoint.formats.handover import Configured, Work
from setpoint.model.ids import AppId, BuildId, Digest
from setpoint.model.release import BuildRequest
from setpoint.processes.accounts import accounts
from tests.integration.supervisor.plane import Plane, new_plane
from tests.support.waiting import until

RUN_S = 60.0


@dataclass
class Bench:
    """Both sides of the run stage, without the builder's and the supervisor's process."""

    plane: Plane
    confinement: Confinement
    count: int = 0
    said: str = ""
    stages: list[RunStage] = field(default_factory=list[RunStage])

    def work(
        self,
        *commands: str,
        app: str = "shop",
        config: Mapping[str, str] | None = None,
        configured: Configured = "env",
        since_s: float | None = None,
        **files: str,
    ) -> Path:
        """What they made of a tree with these files. Raises CannotBuild."""
        self.count += 1
        folder = self.plane.folder / f"work-{self.count}"
        tree, into = folder / "tree", folder / "made"
        tree.mkdir(parents=True)
        for name, text in files.items():
            (tree / name).write_text(text)
        work = Work(Digest(f"{self.count:064x}"), "Working", commands, configured=configured)
        request = BuildRequest(
            BuildId(f"{self.count:032x}"),
            self.plane.app(app),
            app,
            Digest("a" * 64),
            "stack",
            cache_since_s=since_s,
        )
        handover = self.plane.paths.builds / f"{request.id}.run"
        handover.mkdir(parents=True)
        on_tree = OnTree(handover)
        with pytest.raises(NeedsRunStage):
            on_tree.run(work, tree, into)
        log = self.plane.paths.builds / f"{request.id}.log"
        log.touch()
        try:
            asyncio.run(self._stage(request, work, log, config or {}))
        finally:
            self.said = log.read_text()
        on_tree.run(work, tree, into)
        return into

    async def _stage(
        self, request: BuildRequest, work: Work, log: Path, environment: Mapping[str, str]
    ) -> None:
        paths, done = self.plane.paths, asyncio.Event()
        lasting = Lasting(DiskFolder(paths.supervisor), uids.APPS)
        layers = Layers(paths.layers, {})
        ground = Ground(
            self.confinement,
            paths,
            layers,
            lasting,
            accounts().app_first,
            WaysOut(self.confinement, paths.runtime),
        )
        trees, handovers = Trees(paths), Handovers(paths.builds, None)
        shop = Shop(ground, self.plane.python, handovers, trees, lambda: f"{self.count:06x}")
        stage = RunStage(shop, Asked(request, environment), (work,), log, done.set)
        stage.begin()
        async with asyncio.timeout(RUN_S):
            await done.wait()
            await trees.swept()

    def left(self) -> list[Path]:
        return list(self.plane.paths.trees.iterdir())


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    plane = new_plane(find_python(candidates(os.environ), shared=os.geteuid() == 0))
    paths = plane.paths
    for folder in (paths.runtime, paths.supervisor, paths.builds):
        folder.mkdir(mode=0o711, parents=True)
    confinement = sandbox.probe(paths.tools, paths.installation)
    try:
        yield Bench(plane, confinement)
    finally:
        if confinement.cgroups is not None:
            confinement.cgroups.remove_all()
        plane.clear()


def test_what_the_commands_make_comes_back(bench: Bench) -> None:
    made = bench.work(
        "cat a.txt > b.txt; mkdir -p c/d; ln -s ../../b.txt c/d/e; chmod +x b.txt",
        "echo from the second >> b.txt",
        **{"a.txt": "hello\n"},
    )
    assert (made / "b.txt").read_text() == "hello\nfrom the second\n"
    assert (made / "b.txt").stat().st_mode & 0o777 == 0o755
    assert (made / "c/d/e").readlink() == Path("../../b.txt")
    assert "-----> Working\n       $ cat a.txt" in bench.said


def test_trees_are_seen_and_returned_from_where_apps_live(bench: Bench) -> None:
    made = bench.work('pwd > here; ln -s "$PWD/here" link')
    if bench.confinement.hides:
        assert (made / "here").read_text() == "/app\n"
    assert (made / "link").readlink() == Path("here")


def test_command_that_fails_ends_it_with_its_own_last_lines(bench: Bench) -> None:
    with pytest.raises(CannotBuild) as failed:
        bench.work("true", "echo almost there; exit 3", "echo never")
    told = failed.value.told("shop").splitlines()
    assert told[0] == "cannot build shop: `echo almost there; exit 3` failed"
    assert told[-2:] == ["almost there", "it ended with code 3"]
    assert "$ echo never" not in bench.said
    assert failed.value.user_error


def test_missing_compiler_is_named(bench: Bench) -> None:
    with pytest.raises(CannotBuild) as failed:
        bench.work("echo 'make: g++: No such file or directory'; exit 2")
    assert "needs g++, which this machine does not have" in failed.value.message
    assert failed.value.hint == "ask the operator to install g++"


def test_cache_is_kept_for_the_app_alone(bench: Bench) -> None:
    bench.work("echo mine > ~/kept", app="one")
    assert (bench.work("cp ~/kept kept", app="one") / "kept").read_text() == "mine\n"
    with pytest.raises(CannotBuild):
        bench.work("cat ~/kept", app="two")


SECRET = {"TOKEN": "hunter2-hunter2", "PATH": "/nowhere:/usr/bin:/bin", "DEBUG": "1"}


def test_config_reaches_commands_of_the_app_and_no_output(bench: Bench) -> None:
    made = bench.work(
        'echo "it is $TOKEN, $DEBUG"; printf %s "$TOKEN" > seen; echo $PATH > path', config=SECRET
    )
    assert (made / "seen").read_text() == SECRET["TOKEN"]
    assert (made / "path").read_text().startswith("/nowhere:")
    assert "       it is $TOKEN, 1\n" in bench.said
    with pytest.raises(CannotBuild) as failed:
        bench.work('echo "gone wrong: $TOKEN"; exit 1', config=SECRET)
    assert "gone wrong: $TOKEN" in failed.value.told("shop")
    assert SECRET["TOKEN"] not in bench.said + failed.value.told("shop")


def test_config_reaches_nobody_who_is_not_to_have_it(bench: Bench) -> None:
    made = bench.work('echo "<$TOKEN>" > seen', config=SECRET, configured="")
    assert (made / "seen").read_text() == "<>\n"


def test_cache_of_before_a_purge_is_thrown_away(bench: Bench) -> None:
    bench.work("echo old > ~/kept", app="purged")
    made = bench.work("ls -A ~ > seen; echo new > ~/kept", app="purged", since_s=1.5)
    assert (made / "seen").read_text() == ""
    assert (bench.work("cp ~/kept k", app="purged", since_s=1.5) / "k").read_text() == "new\n"
    bench.work("true", app="purged", since_s=2.5)
    caches = [p.name for p in bench.plane.paths.build_caches.iterdir()]
    assert [n for n in caches if n.startswith(bench.plane.app("purged"))] == [
        f"{bench.plane.app('purged')}@2500"
    ]


def test_nothing_of_a_work_stays_on_the_machine(bench: Bench) -> None:
    bench.work("mkdir deep; touch deep/file")
    with pytest.raises(CannotBuild):
        bench.work("false")
    until(lambda: not bench.left(), what="the trees are gone")


def test_link_out_of_the_tree_is_refused(bench: Bench) -> None:
    for target in ("/etc/passwd", "../../../etc/passwd"):
        with pytest.raises(CannotBuild, match="the link leaves what"):
            bench.work(f"ln -s {target} evil")


def test_special_files_and_bits_do_not_come_back(bench: Bench) -> None:
    made = bench.work(
        "mkfifo pipe; cp /bin/true own; chmod 6755 own; mknod device c 1 3; touch fine",
    )
    assert sorted(p.name for p in made.iterdir()) == ["fine", "own"]
    assert (made / "own").stat().st_mode & 0o7777 == 0o755
    assert "left out, for it is no file: pipe" in bench.said


def test_more_than_fits_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from setpoint.drivers.local import errands

    small = errands.Limits(60.0, 256 * errands.MIB, 64, 1024 * 1024)
    monkeypatch.setattr(errands, "WORK", small)
    with pytest.raises(CannotBuild, match="failed") as failed:
        bench.work("head -c 8M /dev/zero > large")
    assert failed.value.tool == "what it made is over 1 MiB"


def test_what_never_ends_is_ended(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from setpoint.drivers.local import errands

    short = errands.Limits(1.0, 256 * errands.MIB, 64, 1024 * 1024)
    monkeypatch.setattr(errands, "WORK", short)
    with pytest.raises(CannotBuild, match="took more than 15 minutes"):
        bench.work("sleep 1000 & sleep 1000")


def test_memory_is_limited(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from setpoint.drivers.local import errands

    if not bench.confinement.limits:
        pytest.skip("no cgroups here")
    small = errands.Limits(60.0, 64 * errands.MIB, 64, 1024 * 1024)
    monkeypatch.setattr(errands, "WORK", small)
    with pytest.raises(CannotBuild, match=r"ran out of memory|failed"):
        bench.work("head -c 200M /dev/zero | tail > /dev/null")


def test_key_of_a_work_is_the_apps_own() -> None:
    one, two = AppId("1"), AppId("2")
    assert key(one, "stack", "tree") == key(one, "stack", "tree")
    assert (
        len({key(one, "s", "t"), key(two, "s", "t"), key(one, "z", "t"), key(one, "s", "u")}) == 4
    )
