"""A capability that changes wakes those that were short of it, and nobody else."""

from setpoint.converge.hopes import Hopes
from setpoint.model.capability import Unmet
from setpoint.model.ids import AppId
from setpoint.testing import builders

SHOP, API, BLOG = AppId("0000-shop"), AppId("0000-api"), AppId("0000-blog")


def short_of(capability: str) -> tuple[Unmet, ...]:
    return (Unmet("formation.web.max", "9", "2", capability, "2", "because"),)


def test_only_those_that_were_short_of_it_are_woken():
    hopes = Hopes()
    hopes.remember(SHOP, short_of("memory_bytes"))
    hopes.remember(API, short_of("instances_max"))
    hopes.remember(BLOG, ())
    assert hopes.after(builders.capabilities()) == ()
    assert hopes.after(builders.capabilities(memory_bytes=1)) == (SHOP,)
    assert hopes.after(builders.capabilities(memory_bytes=1)) == ()
    assert hopes.after(builders.capabilities(memory_bytes=1, instances_max=3)) == (API,)


def test_one_whose_newest_plan_has_it_all_is_left_alone():
    hopes = Hopes()
    hopes.after(builders.capabilities())
    hopes.remember(SHOP, short_of("memory_bytes"))
    hopes.remember(SHOP, ())
    hopes.remember(API, short_of("memory_bytes"))
    hopes.forget(API)
    assert hopes.after(builders.capabilities(memory_bytes=1)) == ()
