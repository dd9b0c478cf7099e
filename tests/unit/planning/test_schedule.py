"""When something was due, and when it will be."""

from datetime import UTC, datetime

import pytest

from setpoint.model.errors import Invalid
from setpoint.planning import schedule


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("rule", "now", "last", "following"),
    [
        ("*/10 * * * *", "2026-03-01T12:34:56", "2026-03-01T12:30", "2026-03-01T12:40"),
        ("*/10 * * * *", "2026-03-01T12:40:00", "2026-03-01T12:40", "2026-03-01T12:50"),
        ("@daily", "2026-03-01T12:00", "2026-03-01T00:00", "2026-03-02T00:00"),
        ("0 6 * * 1-5", "2026-02-28T07:00", "2026-02-27T06:00", "2026-03-02T06:00"),
        ("0 0 29 2 *", "2026-03-01T00:00", "2024-02-29T00:00", "2028-02-29T00:00"),
    ],
)
def test_moments_are_told_in_utc(rule: str, now: str, last: str, following: str):
    assert schedule.last_due_s(rule, at(now)) == at(last)
    assert schedule.next_due_s(rule, at(now)) == at(following)


@pytest.mark.parametrize("rule", ["", "* * *", "61 * * * *", "@sometimes", "0 0 30 2 *", "a" * 500])
def test_what_is_no_schedule_is_refused(rule: str):
    with pytest.raises(Invalid) as refused:
        schedule.check(rule, "app.json: cron[0]")
    assert refused.value.message.startswith("cannot read app.json: cron[0]: ")
