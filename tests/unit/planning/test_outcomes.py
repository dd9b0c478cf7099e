"""What came of a Change, and what could be known beforehand."""

import pytest

from setpoint.model.change import Change, UnitChange
from setpoint.model.condition import Condition, ConditionType
from setpoint.model.history import Took
from setpoint.model.story import Outcome, ReleaseTold
from setpoint.planning import explain
from setpoint.planning.outcomes import calibration, outcome, predicted
from tests.support.memory import NOON_S, asked


def made(seq=9, at_s=NOON_S):
    return UnitChange(Change(seq, asked(at_s=at_s), "scale", "Scale web to 2"), "u", seq, ())


def took(seq, took_s, verb="scale"):
    """Accepted a minute before the next one."""
    at_s = NOON_S - (9 - seq) * 60
    return Took(seq, verb, took_s, at_s + took_s)


PAST = [took(8, 4.0), took(7, 2.0), took(6, 9.0, "deploy"), took(5, 3.0)]


def came(past=(), conditions=(), release=None, *, newest=True, whole=True):
    return outcome(made(), past, conditions, release, newest=newest, past_is_whole=whole)


def test_what_is_predicted_is_what_was_known_when_it_was_accepted():
    known = predicted(made().change, [took(9, 100.0), *PAST])
    assert known is not None
    assert (known.count, known.median_s) == (3, 3.0)
    assert predicted(made(at_s=NOON_S - 59).change, PAST) is None, "c8 was still under way"
    assert predicted(made().change, PAST[:2]) is None, "two are no history"


def test_a_change_that_came_to_be_so_tells_how_long_it_took_beside_the_prediction():
    told = came([took(9, 5.0), *PAST])
    assert (told.state, told.took_s) == ("live", 5.0)
    assert explain.outcome(told) == (
        "live after 5.0 s (later than predicted: predicted 3.0 s, p90 3.8 s)"
    )
    assert (
        explain.outcome(came([took(9, 5.0)])) == "live after 5.0 s (no history to predict it from)"
    )


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (came(PAST), "under way (predicted 3.0 s, p90 3.8 s)"),
        (came(newest=False), "overtaken by a newer Change before all of it was so"),
        (
            came(release=ReleaseTold(3, "failed", "web never listened\nits last lines: ...")),
            "failed: web never listened",
        ),
        (
            came(conditions=(Condition(ConditionType.STALLED, True, "BuildFailed", "no lock"),)),
            "stalled: no lock",
        ),
    ],
)
def test_every_other_end_says_what_is_known(told, sentence):
    assert explain.outcome(told) == sentence


def test_how_good_predictions_were_is_a_number_of_those_that_had_one():
    late, first = came([took(9, 5.0), *PAST]), came([took(9, 1.0)])
    in_time = came([took(9, 3.0), *PAST])
    found = calibration([late, first, in_time, in_time, came(PAST)])
    assert (found.count, found.within) == (3, 2)
    assert found.share == pytest.approx(2 / 3)
    assert calibration([first]).share is None


def test_what_is_kept_no_longer_is_not_taken_for_overtaken():
    later = [Took(20, "scale", 1.0, NOON_S + 99)]
    assert came(later, newest=False, whole=False) == Outcome("unknown")
    assert came(later, newest=False).state == "overtaken"
