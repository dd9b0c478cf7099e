"""Figures are kept of what bets are about, and a bet that looks lost says so; nothing acts."""

import logging

import pytest

from setpoint.converge.measuring import Measuring
from setpoint.intents import decisions
from setpoint.model.app import MIB
from setpoint.model.decision import Wish
from setpoint.model.errors import Invalid, Transient
from setpoint.model.figures import (
    WAIT_BOUNDS_S,
    Answered,
    Answers,
    Durations,
    EdgeFigures,
    Figures,
    ProcessFigures,
)
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
    """What the supervisor and the edge have counted by now."""

    def __init__(self, office):
        self.office = office
        self.now_s = NOON_S
        self.instances, self.memory_bytes = 1, 50 * MIB
        self.since_s, self.answers, self.errors = NOON_S - 3600.0, 0, 0
        self.asked, self.away = 0, False
        self.doubt = ""
        self.new_daemon()

    def new_daemon(self):
        log = logging.getLogger("test")
        self.measuring = Measuring(
            self.office.store, self, lambda: self.now_s, log, lambda: self.doubt
        )

    async def figures(self, weigh):
        assert set(weigh) == {SHOP}
        web = ProcessFigures(SHOP, "web", instances=self.instances, memory_bytes=self.memory_bytes)
        return Figures((web, ProcessFigures(SHOP, "worker", instances=7)))

    async def answered(self, only):
        self.asked += 1
        if self.away:
            raise Transient("cannot reach the edge")
        assert set(only) == {SHOP}
        wait = Durations((self.answers,) + (0,) * len(WAIT_BOUNDS_S))
        kinds = (Answers(2, "", self.answers - self.errors), Answers(5, "H10", self.errors))
        return EdgeFigures(self.since_s, (Answered(SHOP, "web", kinds, wait),))

    def new_edge(self):
        self.since_s, self.answers, self.errors = self.now_s, 0, 0

    async def minutes(self, count, answers=0, errors=0):
        for _ in range(count):
            self.now_s += 60.0
            self.answers += answers
            self.errors += errors
            await self.measuring.look()

    async def counted(self):
        return [s.answers for s in await self.office.store.samples(SHOP, "web", 0.0)]


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


@pytest.mark.parametrize("since_then", [5, 500])
def test_an_edge_that_counts_anew_has_measured_only_since_then(since_then):
    """Also where it has counted more by now than the one before it ever had."""

    async def story(office):
        await shop_with_a_release(office)
        await decisions.decide(office.door, asked(), WISH)
        machine = Machine(office)
        await machine.minutes(3, answers=100)
        machine.now_s += 15.0
        machine.new_edge()
        await machine.minutes(1, answers=since_then)
        samples = await office.store.samples(SHOP, "web", 0.0)
        assert await machine.counted() == [100, 100, since_then]
        assert [sum(s.run) for s in samples] == [100, 100, since_then]
        assert [s.seconds for s in samples] == [60.0, 60.0, 60.0]

    in_office(story)


def test_what_was_answered_while_the_daemon_was_away_is_not_lost():
    async def story(office):
        await shop_with_a_release(office)
        await decisions.decide(office.door, asked(), WISH)
        machine = Machine(office)
        await machine.minutes(2, answers=100)
        machine.now_s += 600.0
        machine.answers += 1000
        machine.new_daemon()
        await machine.minutes(1, answers=100)
        assert await machine.counted() == [100, 1100]
        assert [s.seconds for s in await office.store.samples(SHOP, "web", 0.0)] == [60.0, 660.0]

    in_office(story)


def test_an_edge_that_is_away_for_a_moment_costs_a_look_and_no_answer():
    async def story(office):
        await shop_with_a_release(office)
        await decisions.decide(office.door, asked(), WISH)
        machine = Machine(office)
        await machine.minutes(1)
        machine.away = True
        with pytest.raises(Transient):
            await machine.minutes(1, answers=100)
        machine.away = False
        await machine.minutes(1, answers=100)
        assert await machine.counted() == [200]

    in_office(story)


@pytest.mark.parametrize(
    ("wrong_if", "good", "bad"),
    [
        ("error_rate > 1% over 5m", {"answers": 100}, {"answers": 100, "errors": 2}),
        ("rps < 1 over 5m", {"answers": 61}, {"answers": 59}),
        ("p99 <= 1ms over 5m", {}, {"answers": 100}),
    ],
)
def test_a_web_app_is_held_to_what_the_edge_answered(wrong_if, good, bad):
    async def story(office):
        await shop_with_a_release(office)
        wish = Wish("it holds", bet="it does", wrong_if=wrong_if, on=("shop:web.max",))
        await decisions.decide(office.door, asked(), wish)
        machine = Machine(office)
        await machine.minutes(7, **good)
        (bet,) = await views.decisions(office.store, DEV, machine.now_s, bets=True)
        assert not bet.looks_lost
        await machine.minutes(7, **bad)
        (bet,) = await views.decisions(office.store, DEV, machine.now_s, bets=True)
        assert bet.looks_lost

    in_office(story)


def test_a_long_watch_is_kept_in_few_rows():
    async def story(office):
        await shop_with_a_release(office)
        await decisions.decide(office.door, asked(), WISH)
        machine = Machine(office)
        await machine.minutes(5 * 60, answers=60)
        samples = await office.store.samples(SHOP, "web", 0.0)
        assert len(samples) < 180
        assert sum(s.answers for s in samples) == 60 * (5 * 60 - 1)

    in_office(story)


def test_memory_is_of_the_window():
    async def story(office):
        await shop_with_a_release(office)
        wish = Wish("small", bet="it is", wrong_if="memory > 100MiB over 5m", on=("shop:web.max",))
        await decisions.decide(office.door, asked(), wish)
        machine = Machine(office)
        machine.memory_bytes = 200 * MIB
        await machine.minutes(7)
        (bet,) = await views.decisions(office.store, DEV, machine.now_s, bets=True)
        assert bet.looks_lost
        machine.memory_bytes = 50 * MIB
        await machine.minutes(6)
        (bet,) = await views.decisions(office.store, DEV, machine.now_s, bets=True)
        assert not bet.looks_lost

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


def test_what_is_not_measured_is_refused_and_nothing_is_written():
    async def story(office):
        await shop_with_a_release(office)
        wish = Wish("two", bet="both", wrong_if="cpu > 80%", on=("shop:web.max",))
        with pytest.raises(Invalid, match=r"measured are rps, .*instances"):
            await decisions.decide(office.door, asked(), wish)
        assert await office.store.decisions() == ()

    in_office(story)
