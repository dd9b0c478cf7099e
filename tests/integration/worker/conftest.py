"""One dependency layer for the session, made by a real build; a worker per test."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from setpoint.drivers.builders.stack import candidates, find_python
from tests.support.building import Yard, function
from tests.support.functions import Worker

MAIN = """
import asyncio, importlib.util, pathlib, sys, time

async def function(event, context):
    asked = event.data or {}
    match asked.get("do"):
        case "raise":
            raise ValueError(asked["message"])
        case "set":
            return {1, 2}
        case "object":
            return object()
        case "circle":
            asked["itself"] = asked
            return asked
        case "large":
            return "x" * asked["size"]
        case "not a number":
            return [float("nan"), float("inf"), 2**70]
        case "nothing":
            return None
        case "exit":
            sys.exit(3)
        case "surrogate":
            raise ValueError("\\udcff")
        case "sleep":
            await asyncio.sleep(asked["s"])
        case "block":
            time.sleep(asked["s"])
        case "wait":
            pathlib.Path(asked["began"]).touch()
            while not pathlib.Path(asked["for"]).exists():
                await asyncio.sleep(0.01)
        case "modules":
            return [name for name in asked["names"] if importlib.util.find_spec(name)]
    return {
        "asked": asked,
        "user": context.org.user.username,
        "token": context.org.data_api.access_token,
    }
"""

Start = Callable[..., Worker]


@pytest.fixture(scope="session")
def layer(uv_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The official runtime on the interpreter that apps get here."""
    return built(uv_cache, tmp_path_factory, find_python(candidates({}), shared=False))


def built(uv_cache: Path, factory: pytest.TempPathFactory, python: str) -> Path:
    yard = Yard(factory.mktemp("layer"), uv_cache, python)
    return yard.deps(yard.build(function()), "hello")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path, MAIN)


def write_project(folder: Path, main: str) -> Path:
    project = folder / "project"
    project.mkdir()
    for name, text in function(main=main).items():
        (project / name).write_text(text)
    return project


@pytest.fixture
def start(layer: Path, project: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts a worker on `project`; options by name: limit, deadline."""
    workers: list[Worker] = []

    def go(python: Path = layer / "bin/python", **options: float) -> Worker:
        folder = tmp_path / f"worker-{len(workers)}"
        folder.mkdir()
        workers.append(Worker(python, project, folder, **options))
        return workers[-1]

    yield go
    for worker in workers:
        worker.stop()


def newer_python() -> str | None:
    """A Python the runtime's own pins don't fit, if there is one: named, or on the PATH."""
    named = os.environ.get("TEST_NEWER_PYTHON", "")
    for name in filter(None, (named, "python3.13", "python3.12", "python3.14")):
        found = shutil.which(name)
        probe = "import sys; print(sys.executable) if sys.version_info >= (3, 12) else exit(1)"
        if found:
            done = subprocess.run([found, "-c", probe], capture_output=True, text=True)
            if done.returncode == 0:
                return os.path.realpath(done.stdout.strip())
    return None
