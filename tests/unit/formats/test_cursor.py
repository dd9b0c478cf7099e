"""A cursor is taken as it was given, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.formats import cursor
from setpoint.formats.cursor import CHARS, Cursor


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1))
def test_what_was_given_is_taken(incarnation: int, place: int) -> None:
    text = cursor.encode(Cursor(incarnation, place))
    assert len(text) == CHARS
    assert cursor.decode(text) == Cursor(incarnation, place)


@given(st.text(max_size=40) | st.text("0123456789ABCDEFabcdef-_", min_size=CHARS, max_size=CHARS))
def test_anything_else_is_no_cursor(text: str) -> None:
    try:
        found = cursor.decode(text)
    except ValueError:
        return
    assert cursor.encode(found) == text


@given(st.integers(0, CHARS - 2), st.sampled_from("AZaz09-_"))
def test_one_letter_less_or_another_one_is_noticed(at: int, letter: str) -> None:
    text = cursor.encode(Cursor(1, 12345))
    for wrong in (text[:at] + letter + text[at + 1 :], text[:at] + text[at + 1 :]):
        if wrong != text:
            with pytest.raises(ValueError, match="cursor"):
                cursor.decode(wrong)


def test_one_of_another_version_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cursor, "VERSION", 2)
    newer = cursor.encode(Cursor(1, 1))
    monkeypatch.undo()
    with pytest.raises(ValueError, match="another version"):
        cursor.decode(newer)
