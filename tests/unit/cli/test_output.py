"""What the user sees is aligned, short and safe."""

import io

import pytest

from setpoint.cli.output import Output, ago, aligned, escaped, size


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("\x1b[2J\x07", "\\x1b[2J\\x07"),
        ("two\nlines", "two\nlines"),
        ("a\tb", "a   b"),
        ("grüße ✓", "grüße ✓"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("back\rto", "back\\rto"),
    ],
)
def test_foreign_text_cannot_move_the_cursor(text: str, safe: str) -> None:
    assert escaped(text) == safe


def test_tables_are_aligned_and_one_line_a_row() -> None:
    assert aligned([("a", "long cell", "x"), ("bbb", "c\nd", "")]) == [
        "a    long cell  x",
        "bbb  c d",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "just now"), (45, "45 s ago"), (300, "5 min ago"), (9000, "2 h ago"), (5e5, "5 d ago")],
)
def test_times_are_told_as_ages(seconds: float, text: str) -> None:
    assert ago(seconds) == text


def test_sizes_are_told_short() -> None:
    assert [size(n) for n in (12, 1500, 2_000_000)] == ["12 bytes", "1.5 kB", "2.0 MB"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "env", "coloured"),
    [(Terminal(), {}, True), (Terminal(), {"NO_COLOR": "1"}, False), (io.StringIO(), {}, False)],
)
def test_colours_are_for_terminals_that_want_them(
    stream: io.StringIO, env: dict[str, str], coloured: bool
) -> None:
    Output(as_json=False, env=env, stream=stream).line("settled", "green")
    assert ("\x1b[32m" in stream.getvalue()) is coloured


def test_json_output_is_the_result_and_nothing_else() -> None:
    stream = io.StringIO()
    out = Output(as_json=True, env={}, stream=stream)
    out.line("for humans")
    out.result({"a": 1})
    assert stream.getvalue() == '{"a": 1}\n'
