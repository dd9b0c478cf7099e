from hypothesis import given
from hypothesis import strategies as st

from setpoint.drivers.local.lines import LINE_BYTES_MAX, Splitter, clean


def test_terminal_escapes_are_dropped_and_control_characters_shown() -> None:
    assert clean(b"\x1b[31mred\x1b[0m and \x07bell") == "red and \ufffdbell"
    assert clean(b"\x1b]0;title\x07prompt") == "prompt"
    assert clean(b"tab\tstays\r") == "tab\tstays"
    assert clean("line\u2028forged".encode()) == "line\ufffdforged"


@given(st.binary(max_size=4096), st.integers(1, 64))
def test_how_the_bytes_arrive_does_not_matter(text: bytes, size: int) -> None:
    whole, pieces = Splitter(), Splitter()
    at_once = [*whole.feed(text), *whole.flush()]
    chunks = [text[at : at + size] for at in range(0, len(text), size)]
    bit_by_bit = [line for chunk in chunks for line in pieces.feed(chunk)]
    assert [*bit_by_bit, *pieces.flush()] == at_once


@given(st.binary(max_size=2048))
def test_no_line_can_be_taken_for_two(text: bytes) -> None:
    splitter = Splitter()
    for line in [*splitter.feed(text), *splitter.flush()]:
        assert len(line.splitlines()) <= 1
        assert all(c == "\t" or ord(c) >= 32 for c in line)


def test_a_line_without_an_end_is_cut_between_characters() -> None:
    splitter = Splitter()
    text = ("x" + "é" * LINE_BYTES_MAX).encode()
    lines = list(splitter.feed(text)) + list(splitter.flush())
    assert "".join(lines) == text.decode()
    assert all(len(line.encode()) <= LINE_BYTES_MAX for line in lines)
