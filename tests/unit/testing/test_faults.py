import asyncio
import random
from typing import Any, cast

from setpoint.drivers.ports import Driver
from setpoint.model.errors import Transient
from setpoint.testing import builders
from setpoint.testing.faults import LATE_S_MAX, Faults, Gated, Life, Rates
from setpoint.testing.loop import run

ORDER = builders.order()


class Heard:
    """A driver's hands. `orders`: those that reached it."""

    def __init__(self) -> None:
        self.orders: list[Any] = []

    async def apply(self, order: Any, environment: Any) -> None:
        self.orders.append(order)


def arrived(*, power_fails: bool) -> list[Any]:
    """Of a command whose caller gave up."""

    async def main() -> list[Any]:
        faults, heard = Faults(random.Random(1), Rates(late=1.0)), Heard()
        driver = cast("Driver", Gated(heard, Life(faults, {}), Transient))
        waits = asyncio.create_task(driver.apply(ORDER, {}))
        await asyncio.sleep(0.001)
        if power_fails:
            faults.power_off()
        await asyncio.sleep(LATE_S_MAX)
        waits.cancel()
        return heard.orders

    return run(main(), random.Random(1))


def test_a_command_may_arrive_although_its_caller_gave_up():
    assert arrived(power_fails=False) == [ORDER]


def test_no_command_outlives_the_machine_it_was_sent_on():
    assert arrived(power_fails=True) == []
