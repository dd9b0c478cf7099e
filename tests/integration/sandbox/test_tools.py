"""The tools folder: complete, once, and only where apps can reach it."""

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from setpoint.drivers.local.sandbox import install_tools
from setpoint.model.errors import Terminal
from tests.integration.sandbox.box import world_readable_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    made = world_readable_folder()
    yield made
    shutil.rmtree(made)


def test_installing_twice_keeps_the_first(folder: Path) -> None:
    first = install_tools(folder / "tools")
    assert first.bwrap is not None
    before = first.bwrap.stat()
    assert install_tools(folder / "tools") == first
    assert first.bwrap.stat() == before


def test_everybody_may_read_all_of_it(folder: Path) -> None:
    install_tools(folder / "tools")
    for path in (folder / "tools").rglob("*"):
        assert path.stat().st_mode & 0o005 >= (0o005 if path.is_dir() else 0o004), path
        assert not path.stat().st_mode & 0o022, path


def test_installers_at_the_same_time_agree(folder: Path) -> None:
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(install_tools(folder / "tools")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    assert len(set(answers)) == 1
    assert len(os.listdir(folder / "tools")) == 1


def test_a_folder_apps_cannot_reach_is_refused(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root starts apps as other users")
    folder.chmod(0o700)
    with pytest.raises(Terminal, match=r"cannot use .* for apps: .* has mode 0700"):
        install_tools(folder / "tools")
    folder.chmod(0o711)


def test_a_folder_that_cannot_be_made_is_an_error_in_words(folder: Path) -> None:
    (folder / "tools").write_text("in the way")
    with pytest.raises((Terminal, FileExistsError)):
        install_tools(folder / "tools")
