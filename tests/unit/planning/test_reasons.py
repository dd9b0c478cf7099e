"""Whether a why answers anything."""

import msgspec
import pytest

from setpoint.model.change import Note
from setpoint.planning.reasons import reason, thin
from tests.support.memory import NOON_S, asked


@pytest.mark.parametrize(
    "why", ["fix", "wip", "update", "more memory", "Fix the test.", "wip wip wip", "v2", "修正"]
)
def test_a_word_or_two_or_words_that_fit_everything_answer_nothing(why):
    assert thin(why)


@pytest.mark.parametrize(
    "why", ["the fair is on Saturday", "Cold starts were slow", "週末のフェアに備えて増やす"]
)
def test_a_sentence_is_an_answer(why):
    assert not thin(why)


def test_a_note_answers_where_the_change_itself_did_not():
    silent, at_s = asked(), NOON_S + 60
    notes = [
        Note(1, asked("hm", at_s)),
        Note(1, asked("it was for the fair", at_s)),
        Note(1, asked("ok", at_s)),
    ]
    assert reason(silent).kind == "none"
    told = reason(silent, notes)
    assert (told.kind, told.text, told.source) == ("said", "it was for the fair", "note")
    assert (told.by, told.at_s) == ("dev@example.com", at_s)


def test_a_note_does_not_hide_what_was_said_at_the_time():
    told = reason(asked("the fair is on Saturday"), [Note(1, asked("I remember it otherwise"))])
    assert told.text == "the fair is on Saturday"


def test_a_reused_why_is_labelled_and_no_answer():
    left = msgspec.structs.replace(
        asked("the fair is on Saturday"), why_source="env", reused_from=3
    )
    told = reason(left)
    assert (told.kind, told.reused_from, told.source) == ("reused", 3, "env")
