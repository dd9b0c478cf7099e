"""What became of a value that leaves nothing to be seen but that it is not had, or is over."""

import pytest

from setpoint.model.answer import Actual
from setpoint.model.app import Upkeep
from setpoint.model.capability import Unmet
from setpoint.model.observed import StatusSummary
from setpoint.planning.actual import actual, upkeep_over

SHORT = StatusSummary(
    unmet=(
        Unmet("formation.web.size", "performance-xl", "4096 MiB", "sizes", "basic", "too large"),
        Unmet("egress", "internet", "none", "egress", "none", "no link of its own"),
    )
)


@pytest.mark.parametrize(
    ("path", "offered", "because"),
    [
        ("formation.web.size", "4096 MiB", "too large"),
        ("egress", "none", "no link of its own"),
    ],
)
def test_of_a_wish_that_cannot_be_had_it_tells_what_is_offered(
    path: str, offered: str, because: str
) -> None:
    assert actual(path, SHORT, None, 7.0) == Actual(offered, None, because, 7.0)


@pytest.mark.parametrize("path", ["formation.worker.size", "region", "egress_of_another"])
def test_of_what_is_had_it_tells_nothing(path: str) -> None:
    assert actual(path, SHORT, None, 7.0) is None


def test_a_freeze_is_over_at_its_time_and_one_without_an_end_never() -> None:
    until = Upkeep("freeze", 100.0)
    over = upkeep_over(until, 100.0)
    assert over is not None
    assert (over.actual, over.seen_at_s) == ("enforce", 100.0)
    assert "ended by itself at 1970-01-01 00:01:40 UTC" in over.because
    assert upkeep_over(until, 99.9) is None
    assert upkeep_over(Upkeep("freeze"), 1e12) is None
