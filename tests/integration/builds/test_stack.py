"""The interpreter that apps run on."""

import os
import sys
from pathlib import Path

import pytest

from setpoint.drivers.builders import stack
from setpoint.model.errors import Terminal


def test_first_usable_candidate_wins_and_links_are_followed(tmp_path: Path) -> None:
    link = tmp_path / "python3"
    link.symlink_to(sys.executable)
    found = stack.find_python([str(tmp_path / "none"), str(link)], shared=False)
    assert found == os.path.realpath(sys.executable)


def test_interpreter_in_a_closed_folder_is_not_for_apps(tmp_path: Path) -> None:
    closed = tmp_path / "home"
    closed.mkdir(mode=0o700)
    python = closed / "python3"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    with pytest.raises(Terminal) as refused:
        stack.find_python([str(python)])
    assert "is closed" in refused.value.message
    assert "install python3 3.11 or newer for all users" in refused.value.hint
    assert stack.find_python([str(python)], shared=False) == str(python)


def test_every_candidates_flaw_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "python3"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(Terminal) as refused:
        stack.find_python([str(tmp_path / "none"), str(broken)])
    assert f"{tmp_path}/none is not there" in refused.value.message
    assert f"{broken} it does not run" in refused.value.message


def test_operators_wish_is_the_only_candidate() -> None:
    assert stack.candidates({"SETPOINT_PYTHON": "/opt/python"}) == ("/opt/python",)


def test_stack_is_readable_and_the_same_every_time() -> None:
    python = os.path.realpath(sys.executable)
    assert stack.stack(python) == stack.stack(sys.executable)
    assert f"-py{sys.version_info.major}.{sys.version_info.minor}-" in stack.stack(python)
