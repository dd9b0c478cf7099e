"""What somebody hears of since they last looked: only what is theirs, and one line for nothing."""

import msgspec
import pytest

from setpoint.intents import config, decisions, formation
from setpoint.intents import digest as intents
from setpoint.intents.formation import FormationUpdate
from setpoint.model.app import AppIntent
from setpoint.model.change import Actor
from setpoint.model.decision import Wish
from setpoint.model.errors import Invalid
from setpoint.model.history import Usual
from setpoint.model.ids import AppId
from setpoint.model.journal import DRIFT_RULE, DRIFTED, Entry
from setpoint.model.story import Outcome
from setpoint.planning.decisions import DAY_S
from setpoint.planning.digest import lines, surprise
from setpoint.store.port import UnitWrite
from setpoint.views import digest as views
from tests.support.doors import in_office
from tests.support.memory import DEV, NOON_S, SHOP, asked
from tests.unit.views.test_fields import shop_with_a_release

ANA = Actor("ana", "ana@example.com")


def later(days, why="", actor=DEV):
    return msgspec.structs.replace(asked(why, NOON_S + days * DAY_S, actor), why_source="flag")


async def told(office, days, person=DEV.email):
    return await views.digest(office.store, DEV, person, NOON_S + days * DAY_S)


async def heard(office, days, actor=DEV):
    now = later(days, actor=actor)
    found = await told(office, days, actor.email)
    await intents.read(office.door, now, found.up_to, found.at_s)


async def anas_app(office):
    write = UnitWrite(AppIntent(AppId("anas"), "anas"), None)
    await office.store.commit(asked(actor=ANA), "create", "Create anas", [write])


def test_an_app_that_cannot_be_read_takes_no_digest_away_and_is_named():
    async def story(office):
        await shop_with_a_release(office)
        other = UnitWrite(AppIntent(AppId("other"), "other"), None)
        await office.store.commit(later(1), "create", "Create other", [other])
        spoil = "UPDATE unit SET intent = x'7b' WHERE name = 'shop'"
        await office.store._writer.run(lambda db: db.execute(spoil))
        found = await told(office, 2)
        assert (found.apps, found.unread) == (("other",), ("shop",))
        assert {c.app for g in found.changed for c in g.changes} == {"shop", "other"}
        assert lines(found, NOON_S + 2 * DAY_S)[1] == (
            "cannot read what is intended of shop: setpoint status shop"
        )
        assert (await views.digest(office.store, ANA, ANA.email, NOON_S)).empty

    in_office(story)


def test_it_is_grouped_by_the_decisions_that_govern_what_changed():
    async def story(office):
        await shop_with_a_release(office)
        await anas_app(office)
        await heard(office, 0)
        wish = Wish("three, for the fair", bet="it is full", revisit="3d", on=("shop:web.max",))
        await decisions.decide(office.door, later(1), wish)
        scaled = [FormationUpdate("web", 3, 3)]
        await formation.scale(office.door, later(1, "the fair is near", ANA), "shop", scaled)
        await config.patch(office.door, later(2), "shop", {"GREETING": "hello-world"})
        await config.patch(office.door, later(2, "warmer"), "shop", {"GREETING": "hello-there"})
        await decisions.question(office.door, later(2, actor=ANA), "d-1", "is it on?")
        found = await told(office, 3)
        assert found.apps == ("shop",)
        assert [(g.decision and g.decision.seq, len(g.changes)) for g in found.changed] == [
            (None, 2),
            (1, 1),
        ]
        assert lines(found, NOON_S + 3 * DAY_S) == (
            "since 2026-09-21 14:13:20 UTC, on what is yours: shop",
            "needs you",
            '    d-1  three, for the fair — asked: "is it on?"; setpoint verify d-1',
            "changed",
            "    no decision",
            "      c6 shop: Set GREETING config vars, 24 h ago by dev@example.com via cli: "
            "warmer [thin]",
            "      c5 shop: Set GREETING config vars, 24 h ago by dev@example.com via cli, "
            "nobody said why",
            "    d-1 three, for the fair",
            "      c4 shop: Scale web to 3, 2 d ago by ana@example.com via cli: the fair is near",
        )
        assert [n.because for n in (await told(office, 5)).needs] == ["due"]

    in_office(story)


def test_what_was_heard_is_not_told_again_and_each_has_a_cursor_of_their_own():
    async def story(office):
        await shop_with_a_release(office)
        await anas_app(office)
        await heard(office, 1)
        nothing = await told(office, 2)
        assert lines(nothing, NOON_S + 2 * DAY_S) == ("nothing since 2026-09-22 14:13:20 UTC",)
        assert [c.app for g in (await told(office, 2, ANA.email)).changed for c in g.changes] == [
            "anas"
        ]
        await config.patch(office.door, later(3), "shop", {"GREETING": "hello-world"})
        assert len((await told(office, 3)).changed) == 1
        await heard(office, 3)
        assert not (await told(office, 4)).changed

    in_office(story)


def test_a_change_that_comes_while_somebody_reads_is_told_the_next_time():
    async def story(office):
        await shop_with_a_release(office)
        found = await told(office, 1)
        await config.patch(office.door, later(1), "shop", {"GREETING": "hello-world"})
        await intents.read(office.door, later(1.1), found.up_to, found.at_s)
        (group,) = (await told(office, 2)).changed
        assert [c.change.seq for c in group.changes] == [3]

    in_office(story)


def test_a_decision_of_theirs_makes_an_app_of_another_theirs_too():
    async def story(office):
        await shop_with_a_release(office)
        await anas_app(office)
        await decisions.decide(office.door, asked(), Wish("as it is", on=("shop:web.max",)))
        wish = Wish("for all of us", on=("shop",), backup=ANA.email)
        await decisions.decide(office.door, asked(), wish)
        assert (await told(office, 1, ANA.email)).apps == ("anas", "shop")

    in_office(story)


def test_what_outsiders_did_is_a_surprise():
    async def story(office):
        await shop_with_a_release(office)
        at_s = NOON_S + DAY_S
        act = Entry(
            id=0,
            app=SHOP,
            generation=2,
            kind="act",
            verb=DRIFTED,
            subject="web.1",
            rule=DRIFT_RULE,
            because="was killed by an outsider (signal 9)",
            change=None,
            state="succeeded",
            planned_at_s=at_s,
            ended_at_s=at_s,
        )
        await heard(office, 0.5)
        await office.store.record_acts([act], 1)
        (found,) = (await told(office, 1.5)).surprises
        assert (found.app, found.text) == ("shop", "web.1 was killed by an outsider (signal 9)")
        await heard(office, 1.5)
        assert (await told(office, 1.6)).surprises == ()

    in_office(story)


@pytest.mark.parametrize(
    ("came", "text"),
    [
        (Outcome("live", 9.0, Usual(5, 1.0, 2.0)), "live after 9.0 s, p90 was 2.0 s"),
        (Outcome("live", 1.5, Usual(5, 1.0, 2.0)), ""),
        (Outcome("live", 9.0), ""),
        (Outcome("failed", None, None, "the build failed\nall of it"), "failed: the build failed"),
        (Outcome("stalled", None, None, "no room"), "stalled: no room"),
        (Outcome("overtaken"), ""),
    ],
)
def test_what_went_otherwise_than_foretold_is_a_surprise(came, text):
    assert surprise(came) == text


def test_somebody_new_hears_the_decisions_that_most_rests_on_the_oldest_unverified_first():
    async def story(office):
        await shop_with_a_release(office)
        scaled = [FormationUpdate("web", 3, 3)]
        await formation.scale(office.door, asked(), "shop", scaled)
        await decisions.decide(office.door, later(0), Wish("all of it", on=("shop",)))
        await decisions.decide(office.door, later(1), Wish("three", on=("shop:web",)))
        await decisions.decide(office.door, later(2), Wish("governs nothing"))
        await decisions.verify(office.door, later(3), "d-1", "")
        found = await views.introduction(office.store, DEV)
        assert [(i.decision.seq, i.fields) for i in found] == [(2, 6), (1, 8)]

    in_office(story)


@pytest.mark.parametrize(("change", "days"), [(99, 0), (1, 7), (1, float("nan"))])
def test_nobody_can_have_heard_what_has_not_come_yet(change, days):
    async def story(office):
        await shop_with_a_release(office)
        with pytest.raises(Invalid, match="cannot have read up to"):
            await intents.read(office.door, asked(), change, NOON_S + days * DAY_S)

    in_office(story)
