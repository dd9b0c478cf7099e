"""What is usual: medians of an app's own past, or nothing."""

from hypothesis import given
from hypothesis import strategies as st

from setpoint.model.history import Took, Usual
from setpoint.planning.history import SAMPLES_MAX, TOOK_S_MAX, usual


def past(*took_s, verb="deploy"):
    return [Took(n, verb, s) for n, s in enumerate(took_s)]


def test_three_of_a_kind_are_needed_before_anything_is_claimed():
    assert usual(past(1.0, 2.0)) == {}
    told = usual(past(3.0, 1.0, 2.0) + past(9.0, verb="scale"))
    assert told == {"deploy": Usual(3, 2.0, 2.8)}


def test_only_the_recent_past_counts():
    assert usual(past(*[1.0] * SAMPLES_MAX, *[500.0] * 50))["deploy"] == Usual(
        SAMPLES_MAX, 1.0, 1.0
    )


def test_what_waited_for_a_human_says_nothing():
    assert usual(past(1.0, 2.0, TOOK_S_MAX + 1, -5.0)) == {}


@given(st.lists(st.floats(0, TOOK_S_MAX), min_size=3, max_size=SAMPLES_MAX))
def test_median_and_p90_lie_within_what_happened(samples):
    told = usual(past(*samples))["deploy"]
    assert min(samples) <= told.median_s <= told.p90_s <= max(samples)
