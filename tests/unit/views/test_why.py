"""The story of an app: Changes, what they made happen, and what nobody asked for."""

import msgspec
import pytest

from setpoint.intents import apps, config, deploys
from setpoint.model.change import Change, Touch, UnitChange
from setpoint.model.ids import AppId
from setpoint.model.journal import Entry
from setpoint.model.story import Chapter, Story
from setpoint.planning import explain
from setpoint.views import why
from tests.support.doors import in_office
from tests.support.memory import DEV, DIGEST, NOON_S, asked, build


def entry(unit, verb, rule, change, n=0, **fields):
    made = {"kind": "step", "state": "planned", "subject": "web", "because": f"{rule} it"}
    return Entry(
        id=0,
        app=unit.id,
        generation=unit.generation,
        verb=verb,
        rule=rule,
        change=change,
        planned_at_s=NOON_S + n,
        **(made | fields),
    )


async def told_shop(office):
    """c1 create, c2 deploy -> v1 with two steps, one drift repair, one act, c3 config."""
    door, store = office.door, office.store
    await apps.create(door, asked(), "shop")
    await store.record_source(DIGEST, 1, NOON_S)
    unit = await deploys.deploy(door, asked("first try\nwith care"), "shop", DIGEST)
    steps = [
        entry(unit, "start-build", "build-source", 2),
        entry(unit, "cut-release", "cut-release", 2, subject="v1"),
        entry(unit, "ensure-processes", "missing", 2, n=9),
    ]
    ids = await store.begin_pass(steps)
    outcomes = [(i, "succeeded", "") for i in ids[:2]] + [(ids[2], "failed", "no room\nleft")]
    await store.end_pass(outcomes, unit.id, None, NOON_S + 0.25)
    made = msgspec.structs.replace(build(), app=unit.id)
    await store.cut_release(unit.id, made, {}, unit.shape_summary, 2, NOON_S)
    crash = entry(
        unit, "start", "standing-order", None, kind="act", state="succeeded", subject="web.1",
        because="the last one exited with code 1", count=4, ended_at_s=NOON_S + 30,
    )  # fmt: skip
    await store.record_acts([crash], 1)
    return await config.patch(door, asked(), "shop", {"GREETING": "hello-world"})


def test_each_change_tells_its_touches_its_release_and_its_deeds_in_order():
    async def story(office):
        await told_shop(office)
        told = await why.story(office.store, DEV, "shop")
        newest, deploy, first = told.chapters
        assert [c.change.change.summary for c in told.chapters] == [
            "Set GREETING config vars",
            "Deploy a1a1a1a1",
            "Create shop",
        ]
        assert [e.verb for e in deploy.entries] == ["start-build", "cut-release"]
        assert deploy.release is not None
        assert (deploy.release.label, deploy.release.status) == ("v1", "pending")
        assert (newest.release, first.entries) == (None, ())

    in_office(story)


def test_what_nobody_asked_for_stands_apart():
    async def story(office):
        await told_shop(office)
        told = await why.story(office.store, DEV, "shop")
        assert [e.verb for e in told.standing] == ["start"]
        assert [e.rule for e in told.repairs] == ["missing"]

    in_office(story)


def test_a_story_can_be_short():
    async def story(office):
        await told_shop(office)
        told = await why.story(office.store, DEV, "shop", limit=1)
        assert [c.change.change.label for c in told.chapters] == ["c3"]

    in_office(story)


def test_only_what_happened_since_the_oldest_change_shown_is_told():
    async def story(office):
        unit = await told_shop(office)
        old = entry(
            unit, "start", "standing-order", None, n=-90, kind="act", state="succeeded",
            because="0 up, 1 intended", ended_at_s=NOON_S - 90,
        )  # fmt: skip
        await office.store.record_acts([old], 2)
        told = await why.story(office.store, DEV, "shop", limit=1)
        assert [e.because for e in told.standing] == ["the last one exited with code 1"]

    in_office(story)


def test_sentences_leave_out_what_nobody_asked_for():
    formation = {"min": 2, "max": 2, "size": "basic", "idle_s": 600.0, "boot_s_max": 30.0}
    touches = tuple(Touch(f"formation.web.{k}", None, v) for k, v in formation.items())
    restarted = Touch("restarted_at_s", None, NOON_S)
    asks = asked()
    change = UnitChange(Change(7, asks, "scale", "Scale web to 2"), "u", 3, (*touches, restarted))
    done = Entry(
        id=1, app=AppId("u"), generation=3, kind="step", verb="ensure-processes", subject="web@v1",
        because="web stays as it is", rule="renew", change=7, state="succeeded",
        planned_at_s=NOON_S, ended_at_s=NOON_S,
    )  # fmt: skip
    failed = msgspec.structs.replace(done, state="failed")
    lines = explain.why(Story(AppId("u"), "shop", (Chapter(change, None, (done, failed)),)))
    assert lines[0] == "shop: its last Change"
    assert lines[4:] == (
        "    set      formation.web.min = 2",
        "    set      formation.web.max = 2",
        "    set      formation.web.boot_s_max = 30",
        "    set      restarted_at_s = 2026-09-21 14:13:20 UTC",
        "    did      ensure-processes web@v1 — web stays as it is [renew]: failed in 0 ms",
    )


def test_a_story_is_plain_data_without_values():
    async def story(office):
        await told_shop(office)
        encoded = msgspec.json.encode(await why.story(office.store, DEV, "shop"))
        assert b"hello-world" not in encoded
        assert b"secret v1" in encoded

    in_office(story)


def test_the_story_in_sentences():
    async def story(office):
        await told_shop(office)
        lines = explain.why(await why.story(office.store, DEV, "shop"))
        assert "\n".join(lines) == SENTENCES

    in_office(story)


SENTENCES = """\
shop: its last 3 Changes, newest first

c3  Set GREETING config vars
    by       dev@example.com via cli, 2026-09-21 14:13:20 UTC
    set      config.GREETING = secret v1
    outcome  under way (no history to predict it from)

c2  Deploy a1a1a1a1
    by       dev@example.com via cli, 2026-09-21 14:13:20 UTC
    why      first try
             with care
    set      source.digest = a1a1a1a1a1a1
    release  v1, pending
    did      start-build web — build-source it [build-source]: succeeded in 250 ms
    did      cut-release v1 — cut-release it [cut-release]: succeeded in 250 ms
    outcome  overtaken by a newer Change before all of it was so

c1  Create shop
    by       dev@example.com via cli, 2026-09-21 14:13:20 UTC
    set      invoke_key = secret v1
    set      name = shop
    outcome  overtaken by a newer Change before all of it was so

Setpoint, by itself
    2026-09-21 14:13:20 UTC  start web.1 — the last one exited with code 1, 4 times, \
last 2026-09-21 14:13:50 UTC

drift, and what came of it
    2026-09-21 14:13:29 UTC  ensure-processes web — missing it [missing]: failed in 0 ms
             no room
             left"""


@pytest.mark.parametrize(
    ("seconds", "told"), [(-1, "0 ms"), (0.012, "12 ms"), (3.44, "3.4 s"), (125.9, "2 min 5 s")]
)
def test_durations_read_as_a_person_would_say_them(seconds, told):
    assert explain.duration(seconds) == told


def test_foreign_text_in_a_story_cannot_disturb_the_terminal():
    async def story(office):
        unit = await told_shop(office)
        nasty = entry(unit, "ensure-route", "route", 3, because="\x1b[2Jgone", state="planned")
        await office.store.begin_pass([nasty])
        lines = explain.why(await why.story(office.store, DEV, "shop"))
        assert all(line == "" or line.isprintable() for line in lines)
        assert any("under way" in line for line in lines)

    in_office(story)
