import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.formats.procfile import PROCESSES_MAX, parse
from setpoint.model.errors import Invalid
from setpoint.model.release import ProcessType


def test_names_commands_and_kinds_are_read_in_order() -> None:
    text = (
        "# the shop\nweb: gunicorn app:app --bind :$PORT\n\nrelease: ./migrate\r\n  clock:  tick \n"
    )
    assert parse(text) == (
        ProcessType("web", "web", "gunicorn app:app --bind :$PORT"),
        ProcessType("release", "release", "./migrate"),
        ProcessType("clock", "worker", "tick"),
    )


def test_a_byte_order_mark_is_no_part_of_the_first_name() -> None:
    assert parse("\ufeffweb: serve")[0].name == "web"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("web: ok\nserve everything", "line 2: 'serve everything' has no colon"),
        ("web:", "line 1: process 'web' has no command"),
        ("we b: serve", "line 1: 'we b' is no process name"),
        (": serve", "line 1: '' is no process name"),
        ("web: a\nweb: b", "line 2: process 'web' is there twice"),
        ("".join(f"w{n}: x\n" for n in range(PROCESSES_MAX + 1)), "at most 50"),
        ("#" * 70_000, "longer than 64 KiB"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(text: str, told: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(text)
    assert refused.value.message.startswith("cannot read Procfile: ")
    assert told in refused.value.message


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except Invalid:
        return
    assert len({p.name for p in found}) == len(found)
    assert all(p.command for p in found)
