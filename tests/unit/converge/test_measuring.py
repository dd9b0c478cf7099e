"""Figures are kept of what bets are about, and a bet that looks lost says so; nothing acts."""

import logging

import pytest

from setpoint.converge.measuring import Measuring
from setpoint.intents import decisions
from setpoint.model.decision import Wish
from setpoint.model.errors import Invalid, Transient
from setpoint.model.figures import BOUNDS_S, Durations, Figures, ProcessFigures
from setpoint.planning.decisions import summary, whole
from setpoint.views import decisions as views
from tests.support.doors import in_office
from tests.support.memory import DEV, NOON_S, SHOP, asked
from tests.unit.views.test_fields import shop_with_a_release

WISH = Wish(
    "two, so that one may die",
    bet="both are needed",
    wrong_if="instances < 2 over 1h",
    on=("shop:web.max",),
)


class Machine:
    """What the supervisor has counted by now."""

    def __init__(self, office):
        self.now_s = NOON_S
        self.instances, self.answers = 1, 0
        self.asked = 0
        log = logging.getLogger("test")
        self.measuring = Measuring(office.store, self.figures, lambda: self.now_s, log)

    async def figures(self):
        self.asked += 1
        if self.answers < 0:
            raise Transient("cannot reach the supervisor")
        run = Durations((self.answers,) + (0,) * len(BOUNDS_S))
        return Figures(
            (
                ProcessFigures(
                    SHOP, "web", answers={"2": self.answers}, run=run, instances=self.instances
                ),
                ProcessFigures(SHOP, "worker", instances=7),
            )
        )

    async def minutes(self, count, answers=0):
        for _ in range(count):
            self.now_s += 60.0
            self.answers += answers
            await self.measuring.look()


def test_a_bet_that_what_is_measured_proves_wrong_looks_lost_until_somebody_says_so():
    async def story(office):
        await shop_with_a_release(office)
        await decisions.decide(office.door, asked(), WISH)
        machine = Machine(office)
        await machine.minutes(31)
        (bet,) = await views.decisions(office.store, DEV, machine.now_s, bets=True)
        assert not bet.looks_lost, "half an hour proves nothing of an hour"
        assert await views.decisions(office.store, DEV, machine.now_s, due=True) == ()
        await machine.minutes(30)
        (bet,) = await views.decisions(office.store, DEV, machine.now_s, due=True)
        assert (bet.looks_lost, bet.bet_state) == (True, "open")
        assert summary([bet], machine.now_s) == "bets: 1 looking lost"
        told = await views.decision(office.store, DEV, "d-1", machine.now_s)
        said = "\n".join(whole(told, machine.now_s))
        assert "LOOKS LOST: instances of web is 1.0 over 1 h" in said
        assert await office.store.changes(None, 1) == (await office.store.changes(None))[:1]
        machine.instances = 3
        await machine.minutes(60)
        assert await views.decisions(office.store, DEV, machine.now_s, due=True) == ()

    in_office(story)


def test_nothing_is_asked_or_written_where_no_bet_is_about_a_figure():
    async def story(office):
        await shop_with_a_release(office)
        machine = Machine(office)
        await machine.minutes(3)
        await decisions.decide(office.door, asked(), Wish("x y z", bet="x", wrong_if="in words"))
        await machine.minutes(3)
        assert machine.asked == 0

    in_office(story)


def test_a_supervisor_that_counts_anew_takes_nothing_away():
    async def story(office):
        await shop_with_a_release(office)
        await decisions.decide(office.door, asked(), WISH)
        machine = Machine(office)
        await machine.minutes(3, answers=100)
        machine.answers = 0
        await machine.minutes(1, answers=5)
        counted = [s.answers for s in await office.store.samples(SHOP, "web", 0.0)]
        assert counted == [100, 100, 5]
        assert [sum(s.run) for s in await office.store.samples(SHOP, "web", 0.0)] == counted

    in_office(story)


def test_a_gap_is_measured_by_nobody():
    async def story(office):
        await shop_with_a_release(office)
        await decisions.decide(office.door, asked(), WISH)
        machine = Machine(office)
        await machine.minutes(2)
        machine.now_s += 7200.0
        await machine.minutes(2)
        assert [s.seconds for s in await office.store.samples(SHOP, "web", 0.0)] == [60.0, 60.0]

    in_office(story)


@pytest.mark.parametrize("wrong_if", ["rps < 50 over 7d", "cpu > 80%"])
def test_what_is_not_measured_of_it_is_refused_and_nothing_is_written(wrong_if):
    async def story(office):
        await shop_with_a_release(office)
        wish = Wish("two", bet="both", wrong_if=wrong_if, on=("shop:web.max",))
        with pytest.raises(Invalid, match=r"measured are rps, .*instances"):
            await decisions.decide(office.door, asked(), wish)
        assert await office.store.decisions() == ()

    in_office(story)
