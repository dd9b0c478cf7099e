"""Foreign text made fit to show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.model.text import printable, printable_lines, told


def test_escape_sequences_are_spelled_out():
    assert printable("a\x1b[31mb\nc\x00") == "a\\x1b[31mb\\nc\\x00"


def test_ordinary_text_of_any_language_stays_as_it_is():
    assert printable("größe 大 ok") == "größe 大 ok"


@given(st.text())
def test_nothing_that_moves_a_cursor_gets_through(text):
    assert all(c.isprintable() for c in printable(text))
    assert all(line.isprintable() for line in printable_lines(text))


def test_lines_stay_lines_and_white_space_is_none():
    assert printable_lines("a\n\tb\x07\n") == ["a", "    b\\x07"]
    assert printable_lines(" \n ") == []


@pytest.mark.parametrize(
    ("value", "as_told"),
    [
        *((None, "not set"), (3.0, "3"), (0.5, "0.5"), ("ab" * 32, "abababababab")),
        *(("a\nb", "a\\nb"), (("internet", "10.0.3.0/24"), "internet, 10.0.3.0/24")),
    ],
)
def test_values_are_told_short(value, as_told):
    assert told(value) == as_told
