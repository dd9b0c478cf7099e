"""Whoever pushes hears how long it may take, once that it takes longer, and how long it took."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from setpoint.api.deploying import SLACK_S, Line, Pace, paced
from setpoint.model.history import Usual
from setpoint.testing.loop import SimLoop

USUAL = Usual(5, 14.0, 22.0)


async def slowly(*waits_s: float) -> AsyncIterator[Line]:
    for number, wait_s in enumerate(waits_s):
        await asyncio.sleep(wait_s)
        yield Line(f"line {number}")


def told(usual: Usual | None, *waits_s: float) -> list[tuple[str, float]]:
    """Each line with when it was said, in seconds since the deploy was accepted."""
    loop = SimLoop(random.Random(1))

    async def story() -> list[tuple[str, float]]:
        pace = Pace(usual, loop.time())
        return [(line.text, round(pace.took_s, 3)) async for line in paced(slowly(*waits_s), pace)]

    try:
        return loop.run_until_complete(story())
    finally:
        loop.close()


def test_what_takes_longer_than_nine_of_ten_did_is_told_once_at_that_moment() -> None:
    assert told(USUAL, 10.0, 30.0, 40.0) == [
        ("line 0", 10.0),
        (" !     longer than predicted (p90 22.0 s)", 22.0 + SLACK_S),
        ("line 1", 40.0),
        ("line 2", 80.0),
    ]


@pytest.mark.parametrize("usual", [None, USUAL])
def test_what_is_in_time_and_what_has_no_history_is_told_as_it_comes(usual: Usual | None) -> None:
    waits_s = (20.0, 1.0) if usual else (20.0, 900.0)
    assert [text for text, _ in told(usual, *waits_s)] == ["line 0", "line 1"]


def test_a_prediction_has_a_number_where_there_is_a_history_and_none_elsewhere() -> None:
    assert Pace(USUAL, 0.0).foretold == "predicted live in 14.0 s (p90 22.0 s)"
    assert Pace(None, 0.0).foretold == "no history to predict it from"
