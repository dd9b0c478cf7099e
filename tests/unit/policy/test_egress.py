"""What may be said about the way out of an app."""

import itertools

import pytest

from setpoint.model.egress import RANGES_MAX, Egress, inner_ranges, named_ranges
from setpoint.model.errors import Invalid, OverLimit
from setpoint.policy.egress import accepted


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ((), ()),
        (("internet",), ("internet",)),
        (("none",), ("none",)),
        (("10.0.3.7",), ("10.0.3.7/32",)),
        (("10.0.3.0/24", "internet", "10.0.3.0/24"), ("internet", "10.0.3.0/24")),
        (("192.168.0.0/16", "8.8.8.0/24"), ("8.8.8.0/24", "192.168.0.0/16")),
    ],
)
def test_what_is_accepted_is_kept_in_one_form(said: Egress, kept: Egress):
    assert accepted("shop", said) == kept
    assert accepted("shop", kept) == kept


@pytest.mark.parametrize(
    ("said", "fact"),
    [
        (("none", "internet"), "'none' stands alone"),
        (("everything",), "'everything' is neither"),
        (("db.example",), "'db.example' is neither"),
        (("10.0.3.7/24",), "'10.0.3.7/24' is neither"),
        (("::1",), "'::1' is neither"),
        (("",), "'' is neither"),
        (("127.0.0.1",), "127.0.0.1/32 is not opened to anybody, for 127.0.0.0/8 is in it"),
        (("0.0.0.0/0",), "0.0.0.0/0 is not opened to anybody"),
        (("169.254.169.254",), "169.254.0.0/16 is in it"),
        (("198.18.0.0/30",), "198.18.0.0/15 is in it"),
        (("\x1b[31m",), "'\\x1b[31m' is neither"),
    ],
)
def test_what_is_not_opened_to_anybody_is_refused(said: Egress, fact: str):
    with pytest.raises(Invalid) as refused:
        accepted("shop", said)
    assert refused.value.message.startswith("cannot set the egress of 'shop': ")
    assert fact in refused.value.message
    assert refused.value.hint


def test_more_than_a_wall_should_hold_is_refused():
    most = tuple(f"10.0.{n}.0/24" for n in range(RANGES_MAX))
    assert len(accepted("shop", ("internet", *most))) == RANGES_MAX + 1
    for many in ((*most, "10.1.0.0/24"), ("internet", *most, "10.1.0.0/24")):
        with pytest.raises(OverLimit):
            accepted("shop", many)


def test_ranges_that_overlap_become_one():
    spans = named_ranges(("internet", "10.0.0.0/24", "10.0.0.7/32", "10.0.1.0/24"))
    assert [str(span) for span in spans] == ["10.0.0.0/23"]


def test_inner_ranges_are_in_order_and_apart():
    ranges = inner_ranges()
    assert all(a[1] + 1 < b[0] for a, b in itertools.pairwise(ranges))
    assert ranges[-1][1] == 2**32 - 1
