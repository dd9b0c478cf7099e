"""One plane for all tests of the command line; each test uses app names of its own."""

import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from setpoint.cli.main import main
from setpoint.model.release import ProcessType
from tests.support.plane import ROOMY, Plane

WEB = ProcessType("web", "web", "serve")


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


Cli = Callable[..., Ran]
Project = Callable[..., Path]


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    with Plane(tmp_path_factory.mktemp("data")) as plane:
        yield plane


@pytest.fixture
def plane(running: Plane) -> Plane:
    """As it was at first, but for the apps that earlier tests made."""
    running.supervisor.processes = (WEB,)
    running.supervisor.fate = "ready"
    running.supervisor.errs_s = 0.0
    running.supervisor.build_error = ""
    running.spoken.lines = []
    running.spoken.broken = None
    running.visits.status, running.visits.headers = 200, {}
    running.visits.answer = b'"hello"'
    running.visits.invoked = []
    running.disk = ROOMY
    return running


@pytest.fixture
def cli(plane: Plane, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    monkeypatch.setenv("SETPOINT_DATA", str(plane.data))

    def run(*words: str, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = main(list(words))
        told = capsys.readouterr()
        return Ran(code, told.out, told.err)

    return run


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A folder called `name` with these files."""

    def make(name: str = "shop", **files: str) -> Path:
        folder = tmp_path / name
        for inside, text in (files or {"Procfile": "web: serve\n"}).items():
            path = folder / inside.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return folder

    return make


@pytest.fixture
def deployed(cli: Cli, project: Project) -> Callable[[str], None]:
    def deploy(app: str) -> None:
        ran = cli("deploy", str(project(app)), "-a", app)
        assert ran.code == 0, ran.err

    return deploy


def parsed(ran: Ran) -> Any:
    import json

    return json.loads(ran.out)
