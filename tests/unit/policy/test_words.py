"""What may be said about a Change."""

import msgspec
import pytest

from setpoint.model.errors import Invalid, OverLimit
from setpoint.policy.words import FIELD_CHARS_MAX, WHY_BYTES_MAX, accepted, linked
from tests.support.memory import asked


@pytest.mark.parametrize("why", ["", "  ", "\n\t ", "\x00\x1b"])
def test_white_space_and_control_characters_are_no_why(why):
    assert accepted(asked(why)).why == ""


def test_a_why_keeps_its_lines_and_loses_its_control_characters():
    assert accepted(asked(" first\n\x1b[31msecond ")).why == "first\n[31msecond"


def test_a_why_that_is_too_long_is_refused_with_the_limit():
    accepted(asked("x" * WHY_BYTES_MAX))
    with pytest.raises(OverLimit, match="it has 4097 bytes, at most 4096"):
        accepted(asked("x" * (WHY_BYTES_MAX + 1)))


def test_a_why_with_a_secret_in_it_is_refused_without_an_echo():
    with pytest.raises(Invalid) as refused:
        accepted(asked("set the key to hunter2!"), ["hunter2"])
    assert "hunter2" not in str(refused.value)


def test_values_that_stand_in_ordinary_sentences_are_no_secrets():
    assert accepted(asked("it is true"), ["true", "1", ""]).why == "it is true"


@pytest.mark.parametrize(
    "fields",
    [
        {"links": ("x",) * 11},
        {"links": ("x" * (FIELD_CHARS_MAX + 1),)},
        {"on_behalf_of": "x" * (FIELD_CHARS_MAX + 1)},
        {"request_id": "x" * (FIELD_CHARS_MAX + 1)},
    ],
)
def test_everything_else_a_caller_says_is_bounded_too(fields):
    with pytest.raises(OverLimit):
        accepted(msgspec.structs.replace(asked(), **fields))


def test_see_lines_at_the_end_of_a_why_become_links():
    told = linked(asked("More visitors.\n\nsee: a plan\nSee: https://example.com/88 "))
    assert (told.why.strip(), told.links) == (
        "More visitors.",
        ("a plan", "https://example.com/88"),
    )
    signed = linked(asked("More.\n\nSee: https://x/88\nSigned-off-by: Ana <ana@example.com>"))
    assert signed.links == ("https://x/88",)
    assert signed.why == "More.\n\nSigned-off-by: Ana <ana@example.com>"
    inside = "See: this is a sentence\nand it goes on"
    assert (linked(asked(inside)).why, linked(asked(inside)).links) == (inside, ())


def test_a_link_may_not_give_away_a_secret_either():
    with pytest.raises(Invalid) as refused:
        accepted(linked(asked("as told\nSee: https://x/?k=hunter2!")), ["hunter2!"])
    assert "hunter2" not in str(refused.value)


def test_a_why_of_nothing_has_no_source():
    told = accepted(msgspec.structs.replace(asked(" \n"), why_source="flag"))
    assert (told.why, told.why_source) == ("", "none")


def test_a_why_that_nobody_typed_and_is_refused_says_how_to_say_another():
    left = msgspec.structs.replace(asked("it is hunter2!"), why_source="commit")
    with pytest.raises(Invalid) as refused:
        accepted(left, ["hunter2!"])
    assert refused.value.hint.endswith("say another with -m, or git push -o why=...")
