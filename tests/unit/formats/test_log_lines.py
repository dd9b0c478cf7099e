"""Log lines as Heroku's clients read them."""

import pytest

from setpoint.formats.control import LogLine
from setpoint.formats.heroku import log_lines

LINE = LogLine(1_767_268_800.25, "app", "web.1", "grüße")


def test_a_line_is_dated_and_says_where_it_is_from() -> None:
    assert log_lines.plain(LINE).decode() == "2026-01-01T12:00:00.250000+00:00 app[web.1]: grüße\n"


@pytest.mark.parametrize("broken", ["a\nb", "a\r\nb", "a\rb", "a\n\nb"])
def test_whatever_a_program_writes_stays_one_line_of_one_event(broken: str) -> None:
    event = log_lines.event(LogLine(1.0, "app", "web.1", broken)).decode()
    assert event.count("\n") == 3
    assert "\r" not in event
    assert event.endswith("app[web.1]: a b\n\n")


def test_half_a_character_does_not_end_the_stream() -> None:
    assert b"?" in log_lines.event(LogLine(1.0, "app", "web.1", "\udcff"))


def test_a_mark_tells_lines_of_one_moment_apart_and_tells_that_moment() -> None:
    other = LogLine(LINE.at_s, "app", "web.1", "servus")
    assert log_lines.mark(LINE) != log_lines.mark(other)
    assert log_lines.marked_at_s(log_lines.mark(LINE)) == LINE.at_s


@pytest.mark.parametrize("nonsense", ["", "7", "1-xyz", "-1-00000000", "1" * 40 + "-00000000"])
def test_what_is_no_mark_is_known_as_none(nonsense: str) -> None:
    assert log_lines.marked_at_s(nonsense) is None
