"""Another offer wakes those that would have it otherwise than before, and nobody else."""

from setpoint.converge.hopes import Hopes
from setpoint.model.capability import Want
from setpoint.model.ids import AppId
from setpoint.testing import builders

SHOP, API, BLOG = AppId("0000-shop"), AppId("0000-api"), AppId("0000-blog")
FEW, MANY = (Want("instances_max", most=most) for most in (2, 9))
NOW = builders.capabilities(instances_max=8)


def test_only_those_are_woken_for_whom_it_is_another():
    hopes = Hopes()
    hopes.remember(SHOP, frozenset({Want("memory_bytes")}))
    hopes.remember(API, frozenset({MANY}))
    hopes.remember(BLOG, frozenset({FEW}))
    assert hopes.after(NOW) == ()
    assert hopes.after(builders.capabilities(instances_max=8, memory_bytes=1)) == (SHOP,)
    assert hopes.after(builders.capabilities(instances_max=8, memory_bytes=1)) == ()
    assert hopes.after(builders.capabilities(instances_max=9, memory_bytes=1)) == (API,)


def test_less_than_was_had_wakes_as_more_than_was_does():
    hopes = Hopes()
    hopes.remember(API, frozenset({MANY}))
    hopes.remember(BLOG, frozenset({FEW}))
    hopes.after(builders.capabilities(instances_max=20))
    assert hopes.after(builders.capabilities(instances_max=9)) == ()
    assert hopes.after(builders.capabilities(instances_max=8)) == (API,)
    assert hopes.after(builders.capabilities(instances_max=1)) == (API, BLOG)
    assert hopes.after(builders.capabilities(instances_max=30)) == (API, BLOG)


def test_those_that_want_the_same_and_more_are_told_apart():
    hopes = Hopes()
    memory = Want("memory_bytes")
    hopes.remember(SHOP, frozenset({memory, MANY}))
    hopes.remember(API, frozenset({memory}))
    hopes.remember(BLOG, frozenset({memory}))
    hopes.forget(BLOG)
    hopes.after(NOW)
    assert hopes.after(builders.capabilities(instances_max=9)) == (SHOP,)
    assert hopes.after(builders.capabilities(instances_max=9, memory_bytes=1)) == (API, SHOP)
    hopes.remember(SHOP, frozenset())
    assert hopes.after(NOW) == (API,)


def test_of_several_only_the_one_that_is_wanted_counts():
    hopes = Hopes()
    hopes.remember(SHOP, frozenset({Want("sizes", one="eco")}))
    hopes.after(builders.capabilities(sizes=("eco", "basic")))
    assert hopes.after(builders.capabilities(sizes=("eco",))) == ()
    assert hopes.after(builders.capabilities(sizes=())) == (SHOP,)


def test_what_the_newest_plan_does_not_want_wakes_nobody():
    hopes = Hopes()
    hopes.after(NOW)
    hopes.remember(SHOP, frozenset({MANY}))
    hopes.remember(SHOP, frozenset({FEW}))
    hopes.remember(API, frozenset({MANY}))
    hopes.forget(API)
    assert hopes.after(builders.capabilities(instances_max=7)) == ()
    assert hopes.after(builders.capabilities(instances_max=1)) == (SHOP,)
