"""Four kinds of project, as their users have them: each is deployed, broken, mended and taken back.

A Django project with a migration in its release phase, an Express app with a worker, a TypeScript
function and a folder of pages; on real builders, sandboxes and the real edge.
"""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.plane import Answer, Load, Plane, Ran, until

PROJECTS = Path(__file__).parent / "projects"
HTTPS = {"X-Forwarded-Proto": "https"}
"""What the operator's own proxy says; these production settings insist on it."""
NOT_AS_ASKED = 3


@dataclass(frozen=True)
class Kind:
    """`file`: holds the version. `ruin`: breaks it. `told`: what the failed deploy then says.

    `works`: it has a worker, which must always be that of the release that serves.
    """

    name: str
    file: str
    says: Callable[[Plane], str]
    ruin: Callable[[Path], object]
    told: tuple[str, ...]
    works: bool = False

    @property
    def app(self) -> str:
        """Other tests share the plane."""
        return f"proj-{self.name}"


def _page(app: str, path: str = "/", **headers: str) -> Callable[[Plane], str]:
    return lambda plane: plane.get(app, path, headers=headers or None).text


def _django(plane: Plane) -> str:
    answer = plane.get("proj-django", headers=HTTPS)
    return answer.text if answer.status == 200 else f"{answer.status}"


def _quote(plane: Plane) -> str:
    answer = plane.call("proj-typescript", "quote", json.dumps({"count": 6}).encode())
    assert answer.status == 200, answer.text
    return f"{json.loads(answer.body)['total']} {json.loads(answer.body)['version']}"


def _no_such_migration(folder: Path) -> None:
    _replace(folder / "Procfile", "migrate --noinput", "migrate no_such_app")


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


KINDS = (
    Kind(
        "django",
        "shop/urls.py",
        _django,
        _no_such_migration,
        ("its release phase exited with code 1", "No installed app with label 'no_such_app'"),
    ),
    Kind(
        "express",
        "web.js",
        _page("proj-express"),
        lambda folder: _replace(folder / "web.js", "app.listen", "app.lissen"),
        ("app.lissen is not a function",),
        works=True,
    ),
    Kind(
        "typescript",
        "src/index.ts",
        _quote,
        lambda folder: _replace(folder / "src/index.ts", "?? 0) * 7", '?? "none") * 7'),
        ("build failed", "TS2362"),
    ),
    Kind(
        "static",
        "public/index.html",
        _page("proj-static"),
        lambda folder: (folder / "static.json").write_text('{ "root": "nowhere" }'),
        ("nowhere",),
    ),
)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.fixture
def folder(kind: Kind, tmp_path: Path) -> Path:
    return Path(shutil.copytree(PROJECTS / kind.name, tmp_path / kind.name))


@pytest.mark.skipif(os.geteuid() != 0, reason="the four projects are a root test (level L3)")
def test_a_project_is_deployed_broken_mended_and_taken_back(
    plane: Plane, kind: Kind, folder: Path
) -> None:
    app = kind.app
    first = _deploy(plane, app, folder, "first try")
    assert first.code == 0, first.out + first.err
    if kind.works:
        plane.ok("scale", app, "worker=1")
    _assert_serves(plane, kind, "1", version=1)

    whole = shutil.copytree(folder, folder.with_name("whole"))
    kind.ruin(folder)
    failed = _deploy(plane, app, folder, "a mistake")
    assert failed.code == NOT_AS_ASKED, failed.out + failed.err
    for words in kind.told:
        assert words in failed.out + failed.err
    assert "v1 still serves" in failed.err
    _assert_serves(plane, kind, "1", version=1)

    _next_version(whole / kind.file)
    with Load(lambda: _visit(plane, kind)) as load:
        mended = _deploy(plane, app, whole, "mended")
    assert mended.code == 0, mended.out + mended.err
    assert load.errors == []
    newest = plane.info(app)["release"]["version"]
    _assert_serves(plane, kind, "2", version=newest)

    plane.ok("rollback", app, "v1", "-m", "the first was better")
    _assert_serves(plane, kind, "1", version=newest + 1)
    assert "Rollback to v1" in plane.ok("releases", app).out
    told = plane.ok("why", app, "-n", "50").out
    assert all(why in told for why in ("first try", "a mistake", "mended", "the first was better"))


def _assert_serves(plane: Plane, kind: Kind, says: str, version: int) -> None:
    assert says in kind.says(plane)
    info = plane.info(kind.app)
    assert info["release"]["version"] == version
    up = [d["release"] for d in info["dynos"] if d["process"] == "worker" and d["state"] == "up"]
    assert up == ([version] if kind.works else [])


def _deploy(plane: Plane, app: str, folder: Path, why: str) -> Ran:
    return plane.cli("deploy", str(folder), "-a", app, "-m", why)


def _visit(plane: Plane, kind: Kind) -> Answer:
    """What must not fail once while a release takes over."""
    if kind.name == "typescript":
        return plane.call(kind.app, "quote", b"{}")
    return plane.get(kind.app, headers=HTTPS)


def _next_version(file: Path) -> None:
    text = file.read_text()
    assert "1" in text
    file.write_text(text.replace('"1"', '"2"').replace("static 1", "static 2"))


@pytest.mark.skipif(os.geteuid() != 0, reason="the four projects are a root test (level L3)")
def test_a_worker_finishes_what_it_holds_when_a_release_takes_over(
    plane: Plane, tmp_path: Path
) -> None:
    app, folder = "workers", Path(shutil.copytree(PROJECTS / "express", tmp_path / "express"))
    plane.ok("deploy", str(folder), "-a", app)
    plane.ok("scale", app, "worker=1")
    until(lambda: "worker beats" in plane.ok("logs", app).out, 30, "the worker works")
    plane.ok("config", app, "GREETING=Servus")
    lines = plane.ok("logs", app, "-n", "500").out
    assert "worker finishes what it holds" in lines
    assert "Servus from express" in plane.get(app).text


@pytest.mark.skipif(os.geteuid() != 0, reason="the four projects are a root test (level L3)")
def test_django_is_asked_for_https_and_serves_its_collected_files(
    plane: Plane, tmp_path: Path
) -> None:
    app, folder = "bare", Path(shutil.copytree(PROJECTS / "django", tmp_path / "django"))
    plane.ok("deploy", str(folder), "-a", app)
    assert plane.get(app).status == 301
    page = plane.get(app, headers=HTTPS).text
    style = page.split('href="')[1].split('"')[0]
    assert "teal" in plane.get(app, style, headers=HTTPS).text
