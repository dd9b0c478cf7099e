import time

import pytest

from setpoint.formats import slugignore
from setpoint.model.errors import Invalid


def test_patterns_count_for_paths_and_names() -> None:
    found = slugignore.patterns(b"# no\n/docs/\n*.log\n\nsrc/[ab].py\n")
    assert found == ("docs", "*.log", "src/[ab].py")
    for path in ("docs", "a/docs", "deep/in/x.log", "src/a.py"):
        assert slugignore.leaves_out(found, path)
    for path in ("docs2", "x.log.txt", "src/c.py", "other/src/a.py"):
        assert not slugignore.leaves_out(found, path)
    assert not slugignore.leaves_out((), "docs")


def test_too_many_patterns_are_refused() -> None:
    slugignore.patterns(b"x\n" * 1000)
    with pytest.raises(Invalid, match="1001 patterns, at most 1000"):
        slugignore.patterns(b"x\n" * 1001)


def test_as_many_as_allowed_cost_little_for_each_file() -> None:
    found = slugignore.patterns("\n".join(f"name{n}*x" for n in range(1000)).encode())
    assert not slugignore.leaves_out(found, "a")
    started_s = time.process_time()
    for number in range(2000):
        slugignore.leaves_out(found, f"folder/other{number}")
    assert time.process_time() - started_s < 1
