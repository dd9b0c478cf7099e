"""Drift, as it is told: what an outsider did, when, and how long it lasted."""

import msgspec
import pytest

from setpoint.cli.status import drift_text
from setpoint.intents import apps
from setpoint.model.condition import Condition, ConditionType
from setpoint.model.journal import DRIFT_RULE, LEFT_RULE
from setpoint.model.observed import StatusSummary
from setpoint.model.process import Adrift, Exit
from setpoint.store.port import Status
from setpoint.testing import builders
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


KILL = {"because": "was killed by an outsider (signal 9)"}


async def looked(office, unit, at_s, *adrift, ready=True):
    """What the newest look saw."""
    order = builders.order(app=unit.id)
    facts = builders.facts(order, adrift=tuple(Adrift(subject, 0.0) for subject in adrift))
    conditions = (Condition(ConditionType.READY, ready, "", "", unit.generation, at_s),)
    body = msgspec.json.encode(StatusSummary(sets=(facts,)))
    status = Status(unit.generation, conditions, body, at_s)
    await office.store.end_pass([], unit.id, status, at_s)


def test_what_a_later_look_does_not_find_adrift_is_over_though_nobody_told_its_end():
    async def story(office):
        async def told():
            (one,) = await drift.lately(office.store, unit.id, NOON_S + 90)
            return one.over, one.repaired_s

        unit = await apps.create(office.door, asked(), "shop")
        await office.store.record_acts([act(unit, "drifted", 60, **KILL)], 1)
        await looked(office, unit, NOON_S + 59)
        assert await told() == (False, None)
        await looked(office, unit, NOON_S + 61, "web.1", ready=False)
        assert await told() == (False, None)
        await looked(office, unit, NOON_S + 70, "web.2")
        assert await told() == (True, None)

    in_office(story)


def test_a_step_that_failed_is_over_once_it_is_taken_well_or_all_is_as_intended():
    async def story(office):
        async def told():
            found = await drift.lately(office.store, unit.id, NOON_S + 90)
            return [(one.over, one.repaired_s) for one in found]

        unit = await apps.create(office.door, asked(), "shop")
        route = {"subject": "route", "state": "planned"}
        step = entry(unit, "ensure-route", "missing", 1, n=60, **route)
        (id,) = await office.store.begin_pass([step])
        await office.store.end_pass([(id, "failed", "no edge")], unit.id, None, NOON_S + 61)
        await looked(office, unit, NOON_S + 62, ready=False)
        assert await told() == [(False, None)]
        await looked(office, unit, NOON_S + 63)
        assert await told() == [(True, None)]
        again = msgspec.structs.replace(step, planned_at_s=NOON_S + 64, token="again")
        (id,) = await office.store.begin_pass([again])
        await office.store.end_pass([(id, "succeeded", "")], unit.id, None, NOON_S + 65)
        assert await told() == [(True, pytest.approx(1.0)), (True, pytest.approx(5.0))]

    in_office(story)


def test_what_was_planned_of_an_intent_that_had_changed_is_no_drift():
    """An app that is destroyed should be routed, says a plan that was made right before."""

    async def story(office):
        unit = await apps.create(office.door, asked(), "shop")
        step = entry(unit, "ensure-route", "missing", 1, n=60, subject="shop", state="planned")
        (id,) = await office.store.begin_pass([step])
        end = (id, "refused", "the intent changed meanwhile")
        await office.store.end_pass([end], unit.id, None, NOON_S + 61)
        assert await drift.lately(office.store, unit.id, NOON_S + 62) == ()

    in_office(story)


def test_what_is_left_as_it_is_found_is_told_in_its_own_sentence():
    async def story(office):
        unit = await apps.create(office.door, asked(), "shop")
        because = "web of v1 should run and is not there"
        left = act(unit, "drifted", 60, subject="web@v1", because=because)
        left = msgspec.structs.replace(left, rule=LEFT_RULE)
        await office.store.begin_pass([left])
        (told,) = await drift.lately(office.store, unit.id, NOON_S + 61)
        assert told.what == because

    in_office(story)


def test_what_was_done_with_nobody_asking_and_what_cannot_be_read_are_no_drift():
    async def story(office):
        unit = await apps.create(office.door, asked(), "shop")
        anew = entry(unit, "ensure-processes", "resume", None, n=1, state="succeeded")
        damaged = entry(unit, "unreadable", "unreadable", None, n=2, state="unknown")
        await office.store.begin_pass([anew, damaged])
        assert await drift.lately(office.store, unit.id, NOON_S + 3) == ()
        shop = await why.story(office.store, DEV, "shop")
        assert shop.repairs == ()
        assert [e.rule for e in shop.standing] == ["unreadable", "resume"]

    in_office(story)


@pytest.mark.parametrize(
    ("more", "end"),
    [
        ({"repaired_s": 0.24, "over": True}, "repaired 0.2 s later"),
        ({"repaired_s": None, "over": True}, "over by now"),
        ({"repaired_s": None, "over": False, "count": 2}, "still so (2 times)"),
    ],
)
def test_it_is_told_when_it_was_noticed_and_what_came_of_it(more, end):
    drifted = {"what": "web.1 was killed", "at_s": NOON_S, "count": 1} | more
    assert drift_text(drifted, NOON_S + 30) == f"web.1 was killed, noticed 30 s ago, {end}"


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
