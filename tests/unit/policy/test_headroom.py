import pytest

from setpoint.model.app import MIB
from setpoint.model.errors import NoRoom
from setpoint.model.retention import Headroom, Retention
from setpoint.policy.headroom import check, is_low, wanted_bytes

GIB = 1024 * MIB
TEN = Retention()


@pytest.mark.parametrize(
    ("total", "wanted"),
    [
        (100 * GIB, 10 * GIB),
        (4096 * GIB, 20 * GIB),
        (4 * GIB, 512 * MIB),
        (64 * MIB, 16 * MIB),
        (0, 0),
    ],
)
def test_a_tenth_must_be_free_and_neither_nothing_nor_a_warehouse(total, wanted):
    assert wanted_bytes(total, TEN) == wanted


def test_the_operator_may_ask_for_another_share_or_none():
    assert wanted_bytes(100 * GIB, Retention(free_share_min=0.02)) == 2 * GIB
    assert not is_low(Headroom(0, 100 * GIB), Retention(free_share_min=0.0))


def test_the_refusal_says_how_full_it_is_and_what_can_be_removed():
    with pytest.raises(NoRoom) as refused:
        check("deploy 'shop'", Headroom(7 * GIB, 100 * GIB, "/data", 1200 * MIB), TEN)
    assert refused.value.message == "cannot deploy 'shop': the disk is 93 % full"
    assert refused.value.hint == "`setpoint gc` frees about 1,200 MiB"


@pytest.mark.parametrize(
    ("reclaimable", "hint"),
    [
        (None, "`setpoint gc --dry-run` tells what can be removed"),
        (1000, "`setpoint gc` finds nothing to remove; free some space at /data"),
    ],
)
def test_the_next_step_is_one_that_helps(reclaimable, hint):
    with pytest.raises(NoRoom) as refused:
        check("take a source", Headroom(0, 100 * GIB, "/data", reclaimable), TEN)
    assert refused.value.hint == hint


def test_with_room_nothing_is_said():
    check("deploy 'shop'", Headroom(11 * GIB, 100 * GIB), TEN)
