"""Help texts fit the terminal they are shown on."""

import os

import pytest

from setpoint.cli import parsing, rollback
from setpoint.cli.parsing import parser_of


@pytest.mark.parametrize(("columns", "widest"), [(60, 58), (200, 90), (10, 40)])
def test_help_is_as_wide_as_the_terminal_within_reason(
    monkeypatch: pytest.MonkeyPatch, columns: int, widest: int
) -> None:
    size = os.terminal_size((columns, 24))
    monkeypatch.setattr(parsing.os, "get_terminal_size", lambda fd: size)
    told = parser_of("rollback", "go back to an earlier release", rollback).format_help()
    example = f"  {rollback.EXAMPLE}"
    assert max(len(line) for line in told.splitlines() if line != example) <= widest
