"""Who is at rest stays so until something is as it was not: memory, the world, offers, time."""

import asyncio

import msgspec
import pytest

from setpoint.converge.diary import Diary, Page
from setpoint.converge.facts import NOTHING, Facts, Snapshot, digest
from setpoint.converge.observer import Sight
from setpoint.converge.rests import Rests
from setpoint.model.ids import AppId
from setpoint.model.observed import Observed
from setpoint.store.port import Touched
from setpoint.testing import builders
from setpoint.testing.clock import ManualClock

SHOP, API = AppId("0000-shop"), AppId("0000-api")
BOTH = frozenset((SHOP, API))
LONG_S = 600.0
ORDER = builders.order(app=SHOP)


class Here:
    """Rests on a clock of their own, told of by a diary, and short words for what is seen. `wall`:
    the time of day."""

    def __init__(self) -> None:
        self.clock = ManualClock(0.0)
        self.wall = ManualClock(1e9)
        self.rests = Rests(self.clock, self.wall, lambda: 1.0, LONG_S)
        self.seen = Snapshot()
        self.diary = Diary()
        self.ended()

    def rest(self, app: AppId, cursor: int = 0) -> None:
        unit = builders.unit(builders.intent(app))
        sight = Sight(unit, Observed(), None, cursor=cursor, facts=self.seen.of(app))
        self.diary.begin(sight)

    def ended(self, newest: dict[AppId, int] | None = None, **told: object) -> set[AppId]:
        touched = Touched(newest or {}, frozenset(), 9, True)
        touched = msgspec.structs.replace(touched, **told)
        return set(asyncio.run(self.survey(BOTH, touched)))

    async def survey(self, known: frozenset[AppId], touched: Touched) -> list[AppId]:
        await self.rests.read(self.diary.turn())
        for app in self.seen.named:
            self.rests.see(app, digest(self.seen.of(app)))
        return await self.rests.ended(known, touched, self.seen.named)

    def pass_s(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.wall.advance(seconds)


@pytest.fixture
def here() -> Here:
    here = Here()
    here.seen.sets[SHOP].append(builders.facts(ORDER))
    here.rest(SHOP)
    here.rest(API)
    assert here.ended() == set()
    return here


def test_who_was_never_looked_at_has_to_be():
    assert Here().ended() == BOTH


def test_where_nothing_has_changed_nobody_needs_a_look(here: Here):
    assert here.ended() == set()
    here.pass_s(LONG_S - 1)
    assert here.ended() == set()


def test_nobody_is_believed_to_be_at_rest_for_ever(here: Here):
    here.pass_s(LONG_S + 1)
    assert here.ended() == BOTH


def test_what_was_written_later_than_was_read_ends_it(here: Here):
    assert here.ended({API: 3}) == {API}
    here.rest(API, cursor=2)
    assert here.ended() == {API}, "what was read then was older still"
    here.rest(API, cursor=3)
    assert here.ended() == set()


def test_a_step_without_an_outcome_ends_it(here: Here):
    assert here.ended(left_open=frozenset((API,))) == {API}


def test_events_that_are_kept_no_longer_may_have_told_of_anybody(here: Here):
    assert here.ended(whole=False, cursor=20) == BOTH
    here.rest(API, cursor=19)
    here.rest(SHOP, cursor=20)
    assert here.ended(cursor=20) == {API}, "what was read before may be older than it was"


def test_what_the_world_holds_of_it_ends_it_whether_it_comes_or_goes(here: Here):
    here.seen.sets[API].append(builders.facts(builders.order(app=API)))
    assert here.ended() == {API}
    here.rest(API)
    del here.seen.sets[SHOP]
    assert here.ended() == {SHOP}
    here.rest(SHOP)
    assert here.ended() == set()


@pytest.mark.parametrize("by_s", [3600.0, -3600.0])
def test_a_clock_that_jumps_ends_everybodys(here: Here, by_s: float):
    here.wall.now_s += by_s
    assert here.ended() == BOTH


def test_of_who_is_gone_nothing_is_kept(here: Here):
    here.diary.end(SHOP)
    touched = Touched({SHOP: 3}, frozenset(), 9, True)
    assert asyncio.run(here.survey(frozenset((API,)), touched)) == []


def test_nothing_in_the_world_is_the_same_nothing_everywhere():
    assert digest(Snapshot().of(SHOP)) == NOTHING == digest(Facts())


def test_a_page_that_nobody_has_read_comes_before_what_was_written_since(here: Here):
    here.ended()
    here.diary.end(API)
    page = here.diary.turn()
    here.diary.end(SHOP)
    here.rest(API)
    here.diary.put_back(page)
    assert here.ended() == {SHOP}


def test_a_page_put_back_behind_one_that_ended_everything_says_nothing_more(here: Here):
    page = here.diary.turn()
    here.diary.put_back(Page(all_ended=True))
    here.diary.put_back(page)
    assert here.ended() == BOTH
