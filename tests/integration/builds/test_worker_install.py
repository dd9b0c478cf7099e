"""The function worker is laid down where every app can read it."""

import os
import subprocess
import sys
from pathlib import Path

from setpoint.drivers.builders import stack, worker


def test_worker_is_installed_by_content_once_and_readable(tmp_path: Path) -> None:
    python = stack.interpreter(os.path.realpath(sys.executable))
    folder = worker.install(tmp_path, python, "test")
    made = {p: p.stat().st_ctime_ns for p in folder.rglob("*")}
    assert worker.install(tmp_path, python, "test") == folder
    assert {p: p.stat().st_ctime_ns for p in folder.rglob("*")} == made
    assert all(p.stat().st_mode & 0o022 == 0 for p in made)
    assert all(p.stat().st_mode & 0o004 for p in made)
    assert list((folder / "__pycache__").glob("serve.*.pyc"))


def test_installed_worker_runs_by_its_folders_path(tmp_path: Path) -> None:
    python = stack.interpreter(os.path.realpath(sys.executable))
    folder = worker.install(tmp_path, python, "test")
    told = subprocess.run([python.path, "-I", folder, "--help"], capture_output=True, text=True)
    assert "--record-fd" in told.stdout, told.stderr
