"""What one value answers: by whom, why, what became of it, how fresh, what of going back."""

import msgspec
import pytest

from setpoint.intents import config, formation, notes, rollbacks
from setpoint.intents.formation import FormationUpdate
from setpoint.model.answer import FieldAnswer
from setpoint.model.app import Formation
from setpoint.model.change import Asked
from setpoint.model.errors import Invalid, NotFound
from setpoint.model.journal import Entry
from setpoint.model.observed import StatusSummary
from setpoint.planning import answers
from setpoint.store.port import Status, UnitWrite
from setpoint.testing import builders
from setpoint.testing.supervisor import CAPABILITIES
from setpoint.views import fields
from setpoint.views.who import who
from tests.support.doors import in_office
from tests.support.memory import DEV, NOON_S, asked, created, deployed, shop

HOUR_S = 3600.0


def said(why="", hours=0.0, source="flag", **fields) -> Asked:
    asks = asked(why, NOON_S + hours * HOUR_S)
    return msgspec.structs.replace(asks, why_source=source, **fields)


async def scaled(office, count, asks):
    return await formation.scale(office.door, asks, "shop", [FormationUpdate("web", count, count)])


async def shop_with_a_release(office):
    """c1 Create, c2 Deploy; v1 serves."""
    unit = await created(office.store)
    unit, release = await deployed(office.store, unit)
    await office.store.settle_release(unit.id, release.version, True, "")
    return unit


async def told(office, path, hours=100.0, **options) -> FieldAnswer:
    answer = await fields.answer(
        office.store, DEV, "shop", path, CAPABILITIES, NOON_S + hours * HOUR_S, **options
    )
    assert isinstance(answer, FieldAnswer)
    return answer


def lines(answer, hours=100.0, **options):
    return answers.field(answer, NOON_S + hours * HOUR_S, **options)


def test_a_value_tells_who_set_it_why_how_fresh_it_is_and_what_going_back_would_do():
    async def story(office):
        await shop_with_a_release(office)
        await scaled(office, 1, said("one is enough for now", 1))
        unit = await scaled(office, 3, said("the fair is on Saturday\nSee: https://x/88", 2))
        await config.patch(office.door, said(hours=3), "shop", {"GREETING": "hello-world"})
        await seen(office, unit, 3)
        answer = await told(office, "web.max")
        assert (answer.path, answer.value) == ("formation.web.max", 3)
        *told_first, undo = lines(answer)
        assert told_first == [
            "shop formation.web.max = 3",
            "    is       intended 3 · granted 3 · actual 0 (last seen to change 4 d ago)",
            "    set      c4  Scale web to 3, 4 d ago (was 1)",
            "    by       dev@example.com via cli, 2026-09-21 16:13:20 UTC",
            "    why      the fair is on Saturday [-m]",
            "    see      https://x/88",
            "    outcome  overtaken by a newer Change before all of it was so",
            "    fresh    since then 1 Change and 0 releases of this app",
        ]
        assert undo.startswith(
            "    undo     formation.web.max 3 -> 1, formation.web.min 3 -> 1: 2 instances fewer, "
            "1024 MiB less, "
        )
        assert undo.endswith(" steps (--undo tells them)")
        assert "GREETING" not in str(answer.undo and answer.undo.touches), "later decisions stay"

    in_office(story)


async def seen(office, unit, count):
    """As a pass would have left it: an order for so many, none ready yet."""
    order = builders.order(generation=unit.generation)
    bounds = msgspec.structs.replace(order.bounds, min=count, max=count)
    summary = StatusSummary(sets=(builders.facts(order, bounds=bounds),))
    status = Status(unit.generation, (), msgspec.json.encode(summary), NOON_S + 3 * HOUR_S)
    await office.store.end_pass([], unit.id, status, NOON_S + 3 * HOUR_S)


def test_every_live_leaf_can_be_explained():
    async def story(office):
        await shop_with_a_release(office)
        await scaled(office, 2, said())
        unit = await config.patch(office.door, said(), "shop", {"GREETING": "hello-world"})
        paths = [f.path for f in await office.store.fields(unit.id)]
        assert len(paths) == 9
        for path in paths:
            answer = await told(office, path)
            assert answer.history
            assert answer.value is not None
            assert answer.undo is not None

    in_office(story)


def test_a_removed_value_tells_who_removed_it_and_going_back_is_possible_while_it_is_kept():
    async def story(office):
        await shop_with_a_release(office)
        await config.patch(office.door, said("a warmer word"), "shop", {"GREETING": "hello-world"})
        await config.patch(office.door, said("nobody read it at all"), "shop", {"GREETING": None})
        answer = await told(office, "GREETING")
        assert answer.value is None
        assert lines(answer)[:4] == (
            "shop config.GREETING = not set",
            "    removed  c4  Remove GREETING config vars, 4 d ago (was secret v1)",
            "    by       dev@example.com via cli, 2026-09-21 14:13:20 UTC",
            "    why      nobody read it at all [-m]",
        )
        assert answer.undo is not None
        assert answer.undo.impossible == "its earlier value is kept no longer: set it anew"

    in_office(story)


def test_the_same_secret_set_again_is_told_without_showing_it():
    async def story(office):
        await shop_with_a_release(office)
        for value in ("hello-world", "salut-monde", "hello-world"):
            await config.patch(office.door, said(), "shop", {"GREETING": value})
        answer = await told(office, "GREETING", whole_history=True)
        assert [past.same_as for past in answer.history] == [3, 0, 0]
        text = "\n".join(lines(answer))
        assert "the very value that c3 had set" in text
        encoded = msgspec.json.encode(answer)
        assert b"hello-world" not in encoded
        assert b"salut-monde" not in encoded

    in_office(story)


def test_a_value_that_was_given_no_reason_says_so_and_a_note_answers_later():
    async def story(office):
        await shop_with_a_release(office)
        await scaled(office, 2, said())
        silent = lines(await told(office, "web.max"))
        assert "    why      nobody said; if you know: setpoint note c3 -m WHY" in silent
        await notes.note(office.door, said(hours=5), 3, "it was for the fair")
        assert (
            "    why      it was for the fair [noted later by dev@example.com, "
            "2026-09-21 19:13:20 UTC]"
        ) in lines(await told(office, "web.max"))

    in_office(story)


def test_a_note_may_not_give_away_a_config_value_and_needs_words():
    async def story(office):
        await shop_with_a_release(office)
        await config.patch(office.door, said(), "shop", {"KEY": "hunter2!"})
        with pytest.raises(Invalid) as refused:
            await notes.note(office.door, said(), 2, "it is hunter2!")
        assert "hunter2" not in str(refused.value)
        with pytest.raises(Invalid, match="there are no words"):
            await notes.note(office.door, said(), 2, " \n")
        with pytest.raises(NotFound, match="no such Change"):
            await notes.note(office.door, said(), 99, "it was for the fair")
        assert await office.store.notes([2, 99]) == {}

    in_office(story)


def test_a_new_value_without_a_reason_does_not_inherit_the_old_one():
    async def story(office):
        await shop_with_a_release(office)
        await scaled(office, 2, said("the fair is on Saturday"))
        await scaled(office, 3, said())
        answer = await told(office, "web.max", whole_history=True)
        assert [past.reason.kind for past in answer.history] == ["none", "said"]

    in_office(story)


def test_a_value_can_be_asked_for_as_it_was():
    async def story(office):
        await shop_with_a_release(office)
        await scaled(office, 2, said("two will do for now", 1))
        await scaled(office, 5, said("the fair is on Saturday", 3))
        for at in ("c3", "2026-09-21T16:13:20", "98h"):
            then = await told(office, "web.max", at=at)
            assert (then.value, then.undo, then.actual) == (2, None, None)
        assert lines(then)[0] == "shop formation.web.max = 2 at 2026-09-21 16:13:20 UTC"
        assert lines(then)[1] == "    set      c3  Scale web to 2, 4 d ago (was not set)"
        for at in ("c2", "100h"):
            with pytest.raises(NotFound, match="it was not set then"):
                await told(office, "web.max", at=at)
        with pytest.raises(NotFound, match="c99 is no Change of it"):
            await told(office, "web.max", at="c99")
        with pytest.raises(Invalid, match="'soon' is no time"):
            await told(office, "web.max", at="soon")

    in_office(story)


def test_a_word_that_may_mean_several_fields_is_answered_with_a_line_each():
    async def story(office):
        await shop_with_a_release(office)
        await scaled(office, 2, said("the fair is on Saturday"))
        found = await fields.answer(office.store, DEV, "shop", "web", CAPABILITIES, NOON_S)
        assert isinstance(found, tuple)
        assert answers.fields("shop", found) == (
            "formation.web.max  2  c3      just now  dev@example.com  the fair is on Saturday",
            "formation.web.min  2  c3      just now  dev@example.com  the fair is on Saturday",
        )

    in_office(story)


@pytest.mark.parametrize("asked", [{"whole_history": True}, {"undoing": True}])
def test_what_is_told_of_one_field_is_not_asked_of_several(asked: dict[str, bool]):
    async def story(office):
        await shop_with_a_release(office)
        await scaled(office, 2, said("the fair is on Saturday"))
        with pytest.raises(Invalid, match="it may be several values") as refused:
            await fields.answer(office.store, DEV, "shop", "web", CAPABILITIES, NOON_S, **asked)
        assert "formation.web.max" in refused.value.hint
        await fields.answer(office.store, DEV, "shop", "web.max", CAPABILITIES, NOON_S, **asked)

    in_office(story)


def test_several_fields_that_nobody_decided_are_told_all_the_same():
    async def story(office):
        await shop_with_a_release(office)
        await scaled(office, 2, said("the fair is on Saturday"))
        await office.store.commit(said(), "scale", "Scale", [await with_more(office)])
        found = await fields.answer(office.store, DEV, "shop", "size", CAPABILITIES, NOON_S)
        assert isinstance(found, tuple)
        assert [line.path for line in found] == ["formation.web.size", "formation.worker.size"]

    in_office(story)


async def with_more(office):
    unit = await office.store.unit_named("shop")
    more = {**unit.intent.formation, "worker": Formation(1, 1)}
    return UnitWrite(msgspec.structs.replace(unit.intent, formation=more), unit.rev)


def test_a_path_that_was_never_set_is_refused_with_those_that_are():
    async def story(office):
        await shop_with_a_release(office)
        with pytest.raises(NotFound, match=r"cannot explain 'web\.min' of 'shop'") as refused:
            await told(office, "web.min")
        assert "source.digest" in refused.value.hint

    in_office(story)


def test_going_back_on_what_the_app_was_created_with_is_impossible():
    async def story(office):
        await created(office.store, shop(formation={"web": Formation(1, 1)}))
        answer = await told(office, "web.max")
        assert answer.undo is not None
        assert answer.undo.impossible == "it is as it was when the app was created"

    in_office(story)


def test_a_default_that_came_with_what_was_changed_since_is_not_gone_back_on_alone():
    async def story(office):
        await shop_with_a_release(office)
        await scaled(office, 2, said())
        alone = (await told(office, "web.size")).undo
        assert alone is not None
        assert not alone.impossible
        await scaled(office, 3, said())
        with_later = (await told(office, "web.size")).undo
        assert with_later is not None
        assert with_later.impossible == (
            "what came together with it was changed since, and would go too"
        )

    in_office(story)


def test_a_rollback_can_be_gone_back_on_too():
    async def story(office):
        unit = await shop_with_a_release(office)
        unit, second = await deployed(office.store, unit, builders.CODE)
        await office.store.settle_release(unit.id, second.version, True, "")
        await rollbacks.roll_back(office.door, said("v2 is slow in checkout"), "shop", "v1")
        answer = await told(office, "rollback_to")
        assert answer.undo is not None
        assert not answer.undo.impossible
        assert answer.undo.steps

    in_office(story)


def test_stale_reasons_are_those_missing_thin_reused_or_old():
    async def story(office):
        await shop_with_a_release(office)
        await scaled(office, 2, said("the fair is on Saturday"))
        await config.patch(office.door, said("wip"), "shop", {"A": "1"})
        await config.patch(office.door, said("for all the visitors", 1), "shop", {"B": "2"})
        left = await fields.stale_lines(office.store, DEV, "shop", NOON_S + 24 * HOUR_S)
        assert {line.path: line.stale for line in left} == {
            "config.A": "its reason says too little",
            "name": "nobody said why",
            "source.digest": "nobody said why",
        }
        later = await fields.stale_lines(office.store, DEV, "shop", NOON_S + 91 * 24 * HOUR_S)
        assert {line.stale for line in later if line.path == "config.B"} == {"90 days old"}
        assert len(answers.fields("shop", left, stale=True)) == 3
        assert answers.fields("shop", (), stale=True) == (
            "shop: every reason is there, and none is old",
        )

    in_office(story)


def test_what_was_done_without_a_change_is_told_with_the_numbers_that_were_seen():
    async def story(office):
        await shop_with_a_release(office)
        unit = await scaled(office, 2, said())
        deeds = [
            entry(unit, "web.2", "1 up, 2 intended", 1),
            entry(unit, "web.1", "the last one was killed by signal 9; 1 up, 2 intended", 2),
            entry(unit, "webhooks.1", "0 up, 1 intended", 3),
        ]
        await office.store.record_acts(deeds, 1)
        answer = await told(office, "web.max")
        assert [e.subject for e in answer.standing] == ["web.1", "web.2"]
        assert (
            "    by itself  2026-09-21 16:13:20 UTC  start web.1 — "
            "the last one was killed by signal 9; 1 up, 2 intended"
        ) in lines(answer)

    in_office(story)


def entry(unit, subject, because, hours):
    at_s = NOON_S + hours * HOUR_S
    return Entry(
        id=0, app=unit.id, generation=unit.generation, kind="act", verb="start", subject=subject,
        rule="standing-order", because=because, change=None, state="succeeded",
        planned_at_s=at_s, ended_at_s=at_s,
    )  # fmt: skip


def test_who_tells_whose_it_is_and_who_changed_it_last_also_on_behalf_of_whom():
    async def story(office):
        await shop_with_a_release(office)
        await scaled(office, 2, said(hours=1, on_behalf_of="ana@example.com"))
        found = await who(office.store, DEV, "shop")
        assert answers.who(found, NOON_S + 2 * HOUR_S) == (
            "shop belongs to dev@example.com",
            "of its last 3 Changes:",
            "  ana@example.com  1 Change, the last 60 min ago: c3  Scale web to 2",
            "  dev@example.com  2 Changes, the last 2 h ago: c2  Deploy a1a1a1a1",
        )

    in_office(story)
