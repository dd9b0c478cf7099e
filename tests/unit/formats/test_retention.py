import pytest

from setpoint.formats.retention import retention
from setpoint.model.app import MIB
from setpoint.model.errors import Invalid
from setpoint.model.retention import DAY_S, Retention


def test_without_a_word_the_defaults_hold():
    assert retention({"PATH": "/bin"}) == Retention()
    assert Retention().releases == 10
    assert (Retention().events_s, Retention().journal_s) == (7 * DAY_S, 90 * DAY_S)


def test_what_is_said_counts():
    said = {
        "SETPOINT_KEEP_RELEASES": "3",
        "SETPOINT_KEEP_EVENT_DAYS": "30",
        "SETPOINT_KEEP_CACHE_MIB": "100",
        "SETPOINT_KEEP_FREE_PERCENT": "5",
    }
    kept = retention(said)
    assert (kept.releases, kept.events_s) == (3, 30 * DAY_S)
    assert (kept.cache_bytes_max, kept.free_share_min) == (100 * MIB, 0.05)


@pytest.mark.parametrize("text", ["0", "-1", "ten", "", "1.5", "٣", "9" * 40])
def test_nonsense_is_refused(text):
    with pytest.raises(Invalid, match=r"SETPOINT_KEEP_RELEASES=.* is not a whole number from 1"):
        retention({"SETPOINT_KEEP_RELEASES": text})


def test_a_setting_nobody_knows_is_refused_rather_than_ignored():
    with pytest.raises(Invalid) as refused:
        retention({"SETPOINT_KEEP_RELEASE": "3"})
    assert "SETPOINT_KEEP_RELEASES" in refused.value.hint
