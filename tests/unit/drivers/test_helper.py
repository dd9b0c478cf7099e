"""A program beside the supervisor: its answer, its failure, its end."""

import asyncio
import sys
import time
from pathlib import Path

import pytest

from setpoint.drivers.local import helper
from setpoint.model.errors import Transient


def ran(
    program: str, given: bytes = b"", run_s_max: float = 20.0, **more: tuple[int, ...]
) -> bytes:
    argv = [sys.executable, "-I", "-c", program]
    return asyncio.run(helper.run("look", argv, {}, given, run_s_max, **more))


def test_it_is_given_and_answers_more_than_a_pipe_holds() -> None:
    echo = "import sys; sys.stdout.write(sys.stdin.read() * 2)"
    assert ran(echo, b"x" * 300_000) == b"x" * 600_000


def test_a_failure_is_told_with_its_last_words() -> None:
    with pytest.raises(Transient, match="cannot look: it ended with 3: no such luck"):
        ran("import sys; print('no such luck', file=sys.stderr); sys.exit(3)")
    assert ran("import sys; print(7); sys.exit(1)", fine=(0, 1)) == b"7\n"


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Transient, match="cannot look: No such file"):
        asyncio.run(helper.run("look", [str(tmp_path / "no-such-program")], {}, b"", 5.0))


def test_one_that_hangs_is_ended() -> None:
    before_s = time.monotonic()
    with pytest.raises(Transient, match="it ended with -9"):
        ran("import time; time.sleep(600)", run_s_max=0.2)
    assert time.monotonic() - before_s < 60.0
