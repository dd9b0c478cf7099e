"""Drift, as it is told: what an outsider did, when, and how long it lasted."""

import msgspec
import pytest

from setpoint.intents import apps
from setpoint.model.journal import DRIFT_RULE
from setpoint.model.process import Exit
from setpoint.views import drift, why
from tests.support.doors import in_office
from tests.support.memory import DEV, NOON_S, asked
from tests.unit.views.test_why import entry


def act(unit, verb, n, **more):
    facts = {"kind": "act", "state": "succeeded", "subject": "web.1", "ended_at_s": NOON_S + n}
    return entry(unit, verb, DRIFT_RULE, None, n=n, **(facts | more))


def test_a_kill_by_an_outsider_is_told_with_how_long_it_lasted_and_is_no_change():
    async def story(office):
        unit = await apps.create(office.door, asked(), "shop")
        kill = act(unit, "drifted", 60, because="was killed by an outsider (signal 9)")
        await office.store.record_acts([kill], 1)
        (open_,) = await drift.lately(office.store, unit.id, NOON_S + 61)
        assert (open_.what, open_.at_s, open_.repaired_s) == (
            "web.1 was killed by an outsider (signal 9)",
            NOON_S + 60,
            None,
        )
        up = act(unit, "repaired", 60.25, because="is up again, 0.2 s later")
        await office.store.record_acts([up], 2)
        (told,) = await drift.lately(office.store, unit.id, NOON_S + 61)
        assert told.repaired_s == pytest.approx(0.25)
        assert await drift.lately(office.store, unit.id, NOON_S + 2 * 86_400) == ()
        shop = await why.story(office.store, DEV, "shop")
        assert [e.verb for e in shop.repairs] == ["repaired", "drifted"]
        assert shop.standing == ()
        assert len(shop.chapters) == 1
        events = [e for e in await office.store.events(0) if e.type in ("drifted", "repaired")]
        assert [msgspec.json.decode(e.body)["subject"] for e in events] == ["web.1", "web.1"]

    in_office(story)


@pytest.mark.parametrize(
    ("end", "outside"),
    [
        (Exit(137, NOON_S), True),
        (Exit(137, NOON_S, oom=True), False),
        (Exit(137, NOON_S, expected=True), False),
        (Exit(137, NOON_S, timed_out=True), False),
        (Exit(139, NOON_S), False),
        (Exit(1, NOON_S), False),
    ],
)
def test_only_a_kill_that_neither_we_nor_a_limit_sent_came_from_outside(end, outside):
    assert end.from_outside is outside
    assert ("outsider" in end.text) is outside
