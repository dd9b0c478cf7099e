"""`setpoint functions new`: its own test runs, and the official runtime serves it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from setpoint.cli.main import main
from setpoint.drivers.builders.stack import candidates, find_python
from tests.integration.worker.test_node import node_layer
from tests.support.building import Yard
from tests.support.functions import Worker

__all__ = ["node_layer"]


def created(folder: Path, language: str) -> Path:
    project = folder / "greeter"
    assert main(["functions", "new", str(project), "-l", language]) == 0
    return project


def succeeds(project: Path, *command: str) -> None:
    """As a developer does, in the project's folder."""
    done = subprocess.run(
        command, cwd=project, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def workers() -> Iterator[list[Worker]]:
    made: list[Worker] = []
    yield made
    for worker in made:
        worker.stop()


def greets(worker: Worker) -> None:
    answer = worker.started().call({"name": "Grace"})
    assert (answer.status, json.loads(answer.body)) == (200, {"greeting": "Hello, Grace!"})


def test_one_in_python(layer: Path, tmp_path: Path, workers: list[Worker]) -> None:
    project = created(tmp_path, "python")
    succeeds(project, sys.executable, "-m", "unittest")
    succeeds(project, str(layer / "bin/sf-functions-python"), "check", str(project))
    workers.append(Worker(layer / "bin/python", project, tmp_path))
    greets(workers[0])


@pytest.mark.parametrize("language", ["javascript", "typescript"])
def test_one_for_node(
    language: str, node_layer: Path, tmp_path: Path, workers: list[Worker]
) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not on the PATH")
    project = created(tmp_path, language)
    succeeds(project, "npm", "ci", "--no-audit", "--no-fund")
    succeeds(project, "npm", "test")
    python = Path(find_python(candidates({}), shared=False))
    workers.append(Worker(python, project, tmp_path, node_layer))
    greets(workers[0])


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_a_build_takes_it_as_it_is(language: str, tmp_path: Path, uv_cache: Path) -> None:
    project = created(tmp_path, language)
    files = {
        str(path.relative_to(project)): path.read_text()
        for path in project.rglob("*")
        if path.is_file()
    }
    yard = Yard(tmp_path, uv_cache, find_python(candidates({}), shared=False))
    assert [p.name for p in yard.build(files).processes] == ["greeter"]


@pytest.mark.parametrize("name", ["Greeter", "a-b", "1st", "x" * 31])
def test_a_name_that_is_no_id_is_refused_and_nothing_is_written(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["functions", "new", str(tmp_path / name), "-l", "python"]) == 2
    assert "that is no function's id" in capsys.readouterr().err
    assert os.listdir(tmp_path) == []


def test_what_is_there_already_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = created(tmp_path, "python")
    (project / "main.py").write_text("mine")
    assert main(["functions", "new", str(project), "-l", "javascript"]) == 2
    assert "it is there already" in capsys.readouterr().err
    assert (project / "main.py").read_text() == "mine"
    assert not (project / "package.json").exists()
