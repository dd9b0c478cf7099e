"""A look that takes too long says what it was that took so long."""

import asyncio
import random

import pytest

from setpoint.converge.within import within
from setpoint.model.errors import Transient
from setpoint.testing.loop import run


def test_a_look_that_takes_too_long_is_told_in_words():
    async def story() -> None:
        began_s = asyncio.get_running_loop().time()
        with pytest.raises(Transient) as caught:
            async with within(5.0, "look at the world"):
                await asyncio.Event().wait()
        assert caught.value.message == "cannot look at the world: no answer within 5 s"
        assert asyncio.get_running_loop().time() - began_s == 5.0

    run(story(), random.Random(1))


def test_what_is_quick_enough_is_left_alone():
    async def story() -> None:
        async with within(5.0, "look at the world"):
            await asyncio.sleep(4.9)

    run(story(), random.Random(1))
