"""Which files of a function's folder count as changed."""

import os
from pathlib import Path

from setpoint.drivers.workbench.watching import Watched


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_what_was_written_came_or_went_is_told_once(tmp_path: Path) -> None:
    write(tmp_path / "main.py", "1")
    write(tmp_path / "part/one.py", "1")
    watched = Watched(tmp_path)
    assert watched.changed() == frozenset()
    write(tmp_path / "main.py", "22")
    write(tmp_path / "part/two.py", "1")
    (tmp_path / "part/one.py").unlink()
    assert watched.changed() == {"main.py", "part/one.py", "part/two.py"}
    assert watched.changed() == frozenset()


def test_one_that_was_put_in_anothers_place_has_changed(tmp_path: Path) -> None:
    """As editors save: of the same size, and of any age."""
    write(tmp_path / "main.py", "1")
    watched = Watched(tmp_path)
    write(tmp_path / "other", "2")
    os.utime(tmp_path / "other", ns=(0, (tmp_path / "main.py").stat().st_mtime_ns))
    (tmp_path / "other").replace(tmp_path / "main.py")
    assert watched.changed() == {"main.py"}


def test_what_is_nobodys_own_is_passed_over_but_for_variables(tmp_path: Path) -> None:
    watched = Watched(tmp_path, ("dist/",))
    for name in ("node_modules/a/b.js", "__pycache__/a.pyc", ".git/HEAD", "dist/a.js", ".swp"):
        write(tmp_path / name, "1")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    assert watched.changed() == frozenset()
    write(tmp_path / ".env", "A=1")
    assert watched.changed() == {".env"}
    write(tmp_path / "part/.env", "A=1")
    assert watched.changed() == frozenset()


def test_what_a_build_writes_just_so_each_time_has_not_changed(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    write(tmp_path / "made.js", "1")
    assert watched.built() == {"made.js"}
    write(tmp_path / "made.js", "1")
    assert watched.built() == frozenset()
    write(tmp_path / "made.js", "2")
    assert watched.built() == {"made.js"}


def test_a_folder_that_has_gone_is_no_error(tmp_path: Path) -> None:
    write(tmp_path / "f/main.py", "1")
    watched = Watched(tmp_path / "f")
    (tmp_path / "f/main.py").unlink()
    (tmp_path / "f").rmdir()
    assert watched.changed() == {"main.py"}
