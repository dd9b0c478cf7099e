"""Decisions and bets: what may be said, what is refused, and what becomes of it."""

import msgspec
import pytest

from setpoint.intents import config, decisions, formation
from setpoint.intents.formation import FormationUpdate
from setpoint.model.app import AppIntent
from setpoint.model.change import Actor, Asked
from setpoint.model.decision import Wish
from setpoint.model.errors import Conflict, Forbidden, Invalid, NotFound, OverLimit, Refused
from setpoint.model.ids import AppId
from setpoint.planning.decisions import DAY_S, summary, whole
from setpoint.store.port import UnitWrite
from setpoint.views import decisions as views
from setpoint.views import fields
from tests.support.doors import in_office
from tests.support.memory import DEV, NOON_S, asked, created, deployed
from tests.unit.views.test_fields import lines, shop_with_a_release, told

ANA = Actor("ana", "ana@example.com")
BET = Wish(
    text="three, for the fair\nCold starts were most of p99.\nSee: https://x/88",
    bet="traffic stays above 200 rps",
    wrong_if="a week below 50 rps",
    revisit="14d",
    if_wrong="back to one",
    on=("shop:web.max",),
)


def later(days: float, why: str = "", actor: Actor = DEV) -> Asked:
    return asked(why, NOON_S + days * DAY_S, actor)


async def known_people(office) -> None:
    """Ana has an app of her own."""
    other = AppIntent(AppId("other"), "other")
    await office.store.commit(asked(actor=ANA), "create", "Create", [UnitWrite(other, None)])


def test_a_decision_is_told_where_the_value_that_it_governs_is_asked():
    async def story(office):
        await shop_with_a_release(office)
        goal = await decisions.decide(office.door, asked(), Wish("EU launch"))
        wish = msgspec.structs.replace(BET, serves=goal.label)
        made = await decisions.decide(office.door, asked(), wish)
        assert (made.label, made.title, made.bet_state) == ("d-2", "three, for the fair", "open")
        assert made.asked.links == ("https://x/88",)
        assert made.decided.owner == DEV.email
        await formation.scale(office.door, later(0), "shop", [FormationUpdate("web", 3, 3)])
        answer = await told(office, "web.max", hours=24 * 10)
        said = lines(answer, hours=24 * 10)
        start = said.index("    decided  d-2 three, for the fair")
        assert said[start : start + 4] == (
            "    decided  d-2 three, for the fair",
            '    bet      "traffic stays above 200 rps"; wrong if a week below 50 rps',
            "             is open, revisit 2026-10-05 (in 4 d) · if wrong: back to one"
            ' · serves d-1 "EU launch"',
            "    checked  nobody has verified it since (10 d)",
        )
        assert (await told(office, "web.min")).governing == ()

    in_office(story)


def test_a_bet_is_due_once_its_day_has_come_until_somebody_says_how_it_went():
    async def story(office):
        await shop_with_a_release(office)
        await decisions.decide(office.door, asked(), BET)

        async def due(days):
            return await views.decisions(office.store, DEV, NOON_S + days * DAY_S, due=True)

        assert await due(13) == ()
        (found,) = await due(32)
        assert summary([found], NOON_S + 32 * DAY_S) == "bets: 1 due"
        assert found.overdue_s(NOON_S + 32 * DAY_S) == pytest.approx(18 * DAY_S)
        await decisions.settle(office.door, later(32), "d-1", "extend", "", "30d")
        assert await due(33) == ()
        await decisions.settle(office.door, later(33), "d-1", "lost", "31 rps all week", "")
        (found,) = await due(34)
        assert summary([found], NOON_S + 34 * DAY_S) == "bets: 1 lost"
        governed = await views.decision(office.store, DEV, "d-1", NOON_S)
        said = "\n".join(whole(governed, NOON_S + 34 * DAY_S))
        assert "lost, said dev@example.com, 24 h ago · if wrong: back to one" in said
        assert "said     lost: 31 rps all week" in said
        await decisions.decide(office.door, later(35), Wish("one is enough", supersedes="d-1"))
        assert await due(36) == ()

    in_office(story)


def test_a_bet_that_held_is_over():
    async def story(office):
        await shop_with_a_release(office)
        await decisions.decide(office.door, asked(), BET)
        held = await decisions.settle(office.door, later(1), "d-1", "held", "", "")
        assert held.bet_state == "held"
        assert await views.decisions(office.store, DEV, NOON_S + 99 * DAY_S, bets=True) == ()
        with pytest.raises(Conflict, match="it was held already"):
            await decisions.settle(office.door, later(2), "d-1", "lost", "", "")

    in_office(story)


def test_a_question_puts_a_value_in_doubt_until_somebody_verifies_the_decision():
    async def story(office):
        await shop_with_a_release(office)
        await formation.scale(office.door, later(0), "shop", [FormationUpdate("web", 3, 3)])
        await decisions.decide(office.door, later(0), Wish("three for now", on=("shop:web",)))

        async def stale(days):
            found = await fields.stale_lines(office.store, DEV, "shop", NOON_S + days * DAY_S)
            return {line.path: line.stale for line in found}

        assert (await stale(1))["formation.web.max"] == "nobody said why"
        await decisions.question(office.door, later(2, actor=ANA), "d-1", "is the fair over?")
        doubted = await stale(3)
        assert doubted["formation.web.max"] == "somebody asks whether d-1 still holds"
        governed = await views.decision(office.store, DEV, "d-1", NOON_S)
        said = whole(governed, NOON_S + 3 * DAY_S)
        assert "    asked    is the fair over? [ana@example.com, 24 h ago]" in said
        await decisions.verify(office.door, later(4), "d-1", "it is on until Sunday")
        assert "formation.web.max" not in await stale(5)
        assert (await stale(4 + 91))["formation.web.max"] == "nobody said why"

    in_office(story)


@pytest.mark.parametrize(
    ("fields", "kind", "fact"),
    [
        ({"text": " \n\x00"}, Invalid, "there are no words"),
        ({"text": "x" * 5000}, OverLimit, "at most 4096"),
        ({"bet": "x" * 501}, OverLimit, "the bet has 501 characters"),
        ({"bet": "", "revisit": "30d"}, Invalid, "no bet that could be wrong, or revisited"),
        ({"revisit": "soon"}, Invalid, "'soon' is no day to revisit it"),
        ({"revisit": "2h"}, Invalid, "'2h' is no day to revisit it"),
        ({"revisit": "1790000000"}, Invalid, "is no day to revisit it"),
        ({"revisit": "2026-02-30"}, Invalid, "is no time"),
        ({"revisit": "2020-01-01"}, Invalid, "is over"),
        ({"revisit": "0d"}, Invalid, "is over"),
        ({"revisit": "9999d"}, Invalid, "more than a year ahead"),
        ({"on": ("nosuch:web.max",)}, NotFound, "no such app"),
        ({"on": ("shop:no.such",)}, NotFound, "no such value is set"),
        ({"on": ("shop:",)}, Invalid, "it is no selector"),
        ({"on": ("shop:x y",)}, Invalid, "it is no selector"),
        ({"on": ("shop.web",)}, Invalid, "it is no selector"),
        ({"on": ("shop/web.max",)}, Invalid, "it is no selector"),
        ({"on": ("shop",) * 21}, OverLimit, "it governs 21 things"),
        ({"owner": "anna@example.com"}, Invalid, "nobody here is called 'anna@example.com'"),
        ({"backup": "dev@example.com"}, Invalid, "cannot be their own backup"),
        ({"serves": "d-9"}, NotFound, "there is no d-9"),
        ({"serves": "d-1"}, NotFound, "there is no d-1"),
        ({"supersedes": "seven"}, NotFound, "'seven' is no decision"),
        ({"text": "the key is hunter22"}, Invalid, "contains the value of a config var"),
        ({"if_wrong": "use hunter22"}, Invalid, "contains the value of a config var"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_written(fields, kind, fact):
    async def story(office):
        await shop_with_a_release(office)
        await known_people(office)
        await config.patch(office.door, asked(), "shop", {"KEY": "hunter22"})
        with pytest.raises(kind) as refused:
            await decisions.decide(office.door, asked(), msgspec.structs.replace(BET, **fields))
        assert fact in str(refused.value)
        assert "hunter22" not in str(refused.value)
        assert await office.store.decisions() == ()

    in_office(story)


def test_an_unknown_person_is_refused_with_the_nearest():
    async def story(office):
        await created(office.store)
        await known_people(office)
        with pytest.raises(Invalid, match=r"did you mean: ana@example\.com"):
            await decisions.decide(office.door, asked(), Wish("x y z", backup="anna@example.com"))
        made = await decisions.decide(office.door, asked(), Wish("x y z", backup=ANA.email))
        assert (made.decided.owner, made.decided.backup) == (DEV.email, ANA.email)

    in_office(story)


def test_what_is_said_of_a_decision_holds_no_secret_either():
    async def story(office):
        await shop_with_a_release(office)
        await config.patch(office.door, asked(), "shop", {"KEY": "hunter22"})
        await decisions.decide(office.door, asked(), Wish("for every app", on=("*:config.*",)))
        with pytest.raises(Invalid, match="contains the value"):
            await decisions.verify(office.door, asked(), "d-1", "hunter22 still works")
        assert len(await office.store.decisions()) == 1

    in_office(story)


@pytest.mark.parametrize(
    ("ending", "revisit", "fact"),
    [
        ("won", "", "it ends held, lost or extended"),
        ("extend", "", "it says not until when"),
        ("extend", "2020-01-01", "is over"),
    ],
)
def test_a_bet_ends_in_one_of_three_ways(ending, revisit, fact):
    async def story(office):
        await shop_with_a_release(office)
        await decisions.decide(office.door, asked(), BET)
        with pytest.raises(Refused) as refused:
            await decisions.settle(office.door, asked(), "d-1", ending, "", revisit)
        assert fact in str(refused.value)

    in_office(story)


def test_what_rests_on_no_bet_can_neither_hold_nor_be_lost():
    async def story(office):
        await decisions.decide(office.door, asked(), Wish("two regions"))
        with pytest.raises(Invalid, match="it rests on none"):
            await decisions.settle(office.door, asked(), "d-1", "held", "", "")

    in_office(story)


def test_who_may_only_look_decides_nothing():
    reader = Actor("eve", "eve@example.com", "read")

    async def story(office):
        with pytest.raises(Forbidden):
            await decisions.decide(office.door, asked(actor=reader), Wish("two regions"))
        await decisions.decide(office.door, asked(), BET_FREE)
        for act in (decisions.verify, decisions.question):
            with pytest.raises(Forbidden):
                await act(office.door, asked(actor=reader), "d-1", "")
        with pytest.raises(Forbidden):
            await decisions.settle(office.door, asked(actor=reader), "d-1", "held", "", "")
        assert (
            await views.decision(office.store, reader, "d-1", NOON_S)
        ).decision.title == "two regions"

    in_office(story)


BET_FREE = Wish("two regions")


def test_the_same_key_again_is_the_same_decision():
    async def story(office):
        first = await decisions.decide(office.door, asked(key="k"), BET_FREE)
        again = await decisions.decide(office.door, asked(key="k"), BET_FREE)
        assert first.seq == again.seq == 1
        with pytest.raises(Conflict, match="idempotency key"):
            await decisions.decide(office.door, asked(key="k"), Wish("three regions"))

    in_office(story)


# --- trailers ------------------------------------------------------------------------------------

TRAILERS = "More visitors are coming.\n\nBet: above 200 rps\nRevisit: 30d\nIf-wrong: one again"


def test_trailers_of_a_change_make_a_decision_in_the_same_commit():
    async def story(office):
        await shop_with_a_release(office)
        await decisions.decide(office.door, asked(), Wish("EU launch"))
        why = f"{TRAILERS}\nDecision: d-1\nSee: https://x/88"
        await formation.scale(office.door, asked(why), "shop", [FormationUpdate("web", 3, 3)])
        (made,) = await office.store.changes(None, 1)
        assert made.change.asked.why.strip() == "More visitors are coming."
        assert (made.change.asked.decision, made.change.asked.links) == (2, ("https://x/88",))
        bet = (await views.decision(office.store, DEV, "d-2", NOON_S)).decision
        assert bet.title == "More visitors are coming."
        assert bet.decided.bet is not None
        assert bet.decided.bet.claim == "above 200 rps"
        assert bet.decided.serves == 1
        assert {s.path for s in bet.decided.governs} == {
            f"formation.web.{leaf}"
            for leaf in ("boot_s_max", "concurrency", "idle_s", "max", "min", "size")
        }
        assert [g.decision.seq for g in (await told(office, "web.max")).governing] == [2]

    in_office(story)


def test_a_change_may_be_part_of_a_decision_that_is_there():
    async def story(office):
        await shop_with_a_release(office)
        await decisions.decide(office.door, asked(), Wish("EU launch"))
        why = "for the EU, as agreed\n\nDecision: d-1"
        await formation.scale(office.door, asked(why), "shop", [FormationUpdate("web", 3, 3)])
        assert [g.decision.seq for g in (await told(office, "web.max")).governing] == [1]
        assert len(await office.store.decisions()) == 1

    in_office(story)


@pytest.mark.parametrize("trailer", ["Decision: d-7", "Revisit: someday\nBet: x", "Revisit: 3d"])
def test_trailers_that_say_nothing_of_use_are_refused_where_somebody_typed_them(trailer):
    why = f"for the EU, as agreed\n\n{trailer}"

    async def story(office):
        await shop_with_a_release(office)
        scaled = [FormationUpdate("web", 3, 3)]
        typed = msgspec.structs.replace(asked(why), why_source="flag")
        with pytest.raises(Refused):
            await formation.scale(office.door, typed, "shop", scaled)
        committed = msgspec.structs.replace(asked(why), why_source="commit")
        await formation.scale(office.door, committed, "shop", scaled)
        (made,) = await office.store.changes(None, 1)
        assert made.change.asked.why == why, "they stay part of its message"
        assert await office.store.decisions() == ()

    in_office(story)


def test_a_bet_with_a_secret_in_it_is_refused_with_its_change():
    async def story(office):
        await shop_with_a_release(office)
        await config.patch(office.door, asked(), "shop", {"KEY": "hunter22"})
        why = "for the EU, as agreed\n\nBet: hunter22 is safe"
        with pytest.raises(Invalid, match="contains the value"):
            await formation.scale(office.door, asked(why), "shop", [FormationUpdate("web", 3, 3)])
        assert await office.store.decisions() == ()

    in_office(story)


def test_a_change_that_loses_against_another_leaves_no_decision_behind():
    async def story(office):
        unit = await created(office.store)
        unit, _ = await deployed(office.store, unit)
        stale = UnitWrite(msgspec.structs.replace(unit.intent, maintenance=True), unit.rev - 1)
        decided = msgspec.structs.replace(
            (await decisions.decide(office.door, asked(), BET)).decided
        )
        with pytest.raises(Conflict):
            await office.store.commit(
                asked(), "x", "x", [msgspec.structs.replace(stale, whole=True)], decided=decided
            )
        assert {r.decision for r in await office.store.decisions()} == {1}

    in_office(story)


def test_a_process_that_nobody_has_scaled_yet_may_be_governed():
    async def story(office):
        await shop_with_a_release(office)
        for said, path in (("shop:web", "formation.web.*"), ("shop:web.max", "formation.web.max")):
            made = await decisions.decide(office.door, asked(), Wish("three, then", on=(said,)))
            assert [scope.path for scope in made.decided.governs] == [path]
        with pytest.raises(NotFound, match="no such value is set"):
            await decisions.decide(office.door, asked(), Wish("three", on=("shop:wbe",)))

    in_office(story)
