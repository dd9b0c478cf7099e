"""What would happen if: the planner on a draft, and nothing written."""

import msgspec
import pytest

from setpoint.intents import apps, config, deploys
from setpoint.model.app import Formation, Source
from setpoint.model.capability import Capabilities
from setpoint.model.errors import Invalid
from setpoint.model.ids import Digest
from setpoint.model.job import CronJob
from setpoint.model.release import ProcessType
from setpoint.model.steps import CutRelease, EnsureProcesses, StartBuild, StartJob
from setpoint.planning.builds import build_id
from setpoint.views import plans
from setpoint.views.plans import Edits
from tests.support.doors import in_office
from tests.support.memory import DEV, DIGEST, NOON_S, asked, build

HERE = Capabilities("L3", "stack-1", "/usr/bin/python3", 2**31, 100, True)
WEB = (ProcessType("web", "web", "serve"),)


async def plan(office, edits, name="shop"):
    before = await office.store.changes(None)
    drafted = await plans.draft(office.store, DEV, name, edits, HERE, NOON_S)
    assert await office.store.changes(None) == before
    return drafted


def steps(drafted, kind):
    return [s for p in drafted.passes for s in p.steps if isinstance(s, kind)]


def test_a_deploy_of_a_new_app_is_planned_past_its_build():
    async def story(office):
        drafted = await plan(office, Edits(source=Source(DIGEST), processes=WEB))
        assert (drafted.new, drafted.assumed) == (True, True)
        assert [s.order.key.process for s in steps(drafted, EnsureProcesses)] == ["web"]
        assert drafted.passes[-1].settled
        assert await office.store.units() == ()

    in_office(story)


def test_a_draft_knows_what_is_built_already():
    async def story(office):
        await apps.create(office.door, asked(), "shop")
        await office.store.record_source(DIGEST, 1, NOON_S)
        unit = await deploys.deploy(office.door, asked(), "shop", DIGEST)
        made = msgspec.structs.replace(build(), app=unit.id, id=build_id(unit, HERE.stack))
        await office.store.record_build(made)
        drafted = await plan(office, Edits(formation={"web": Formation(2, 2)}))
        assert (drafted.new, drafted.assumed, steps(drafted, StartBuild)) == (False, False, [])
        assert [t.path for t in drafted.touches if t.new == 2] == [
            "formation.web.max",
            "formation.web.min",
        ]
        (ensured,) = steps(drafted, EnsureProcesses)
        assert ensured.order.bounds.min == 2

    in_office(story)


def test_config_in_a_draft_is_keys_and_versions_and_leads_to_a_release():
    async def story(office):
        await apps.create(office.door, asked(), "shop")
        await office.store.record_source(DIGEST, 1, NOON_S)
        await config.patch(office.door, asked(), "shop", {"A": "plain-a", "B": "plain-b"})
        await deploys.deploy(office.door, asked(), "shop", DIGEST)
        edits = Edits(config_set=("A", "C"), config_unset=("B",), processes=WEB)
        drafted = await plan(office, edits)
        assert {t.path: t.new for t in drafted.touches} == {
            "config.A": "secret v2",
            "config.B": None,
            "config.C": "secret v1",
        }
        assert set(steps(drafted, CutRelease)[0].config) == {"A", "C"}
        assert b"plain-" not in msgspec.json.encode(drafted)

    in_office(story)


def test_only_what_shapes_a_release_asks_for_one():
    async def story(office):
        await apps.create(office.door, asked(), "shop")
        await office.store.record_source(DIGEST, 1, NOON_S)
        unit = await deploys.deploy(office.door, asked(), "shop", DIGEST)
        made = msgspec.structs.replace(build(), app=unit.id, id=build_id(unit, HERE.stack))
        await office.store.record_build(made)
        await office.store.cut_release(unit.id, made, {}, "", unit.shape_change, NOON_S)
        await office.store.settle_release(unit.id, 1, True, "")
        scaled = await plan(office, Edits(formation={"web": Formation(2, 2)}))
        configured = await plan(office, Edits(config_set=("A",)))
        assert (len(steps(scaled, CutRelease)), len(steps(configured, CutRelease))) == (0, 1)

    in_office(story)


NIGHTLY, HOURLY = CronJob("0 3 * * *", "tidy"), CronJob("@hourly", "poll")


async def released(office, *cron):
    """shop, with v1 of DIGEST serving, whose app.json named these."""
    await apps.create(office.door, asked(), "shop")
    await office.store.record_source(DIGEST, 1, NOON_S)
    unit = await deploys.deploy(office.door, asked(), "shop", DIGEST)
    slug = msgspec.structs.replace(build().slug, schedule=cron)
    made = msgspec.structs.replace(build(), app=unit.id, id=build_id(unit, HERE.stack), slug=slug)
    await office.store.record_build(made)
    await office.store.cut_release(unit.id, made, {}, "", unit.shape_change, NOON_S - 86400)
    await office.store.settle_release(unit.id, 1, True, "")


def test_what_would_be_scheduled_otherwise_is_told_and_nothing_of_it_is_due():
    async def story(office):
        await released(office, NIGHTLY)
        source = Source(Digest("ab" * 32))
        every_minute = CronJob("* * * * *", "tick")
        cron = (HOURLY, every_minute)
        drafted = await plan(office, Edits(source=source, processes=WEB, cron=cron))
        assert [(c.what, c.schedule, c.command) for c in drafted.cron] == [
            ("removed", "0 3 * * *", "tidy"),
            ("added", "@hourly", "poll"),
            ("added", "* * * * *", "tick"),
        ]
        assert steps(drafted, StartJob) == []
        assert (await plan(office, Edits(config_set=("A",)))).cron == ()
        same = await plan(office, Edits(source=Source(DIGEST), processes=WEB, cron=(NIGHTLY,)))
        assert same.cron == ()

    in_office(story)


def test_another_stack_is_planned_past_the_build_with_what_is_known_of_the_source():
    async def story(office):
        await released(office)
        elsewhere = msgspec.structs.replace(HERE, stack="stack-2")
        drafted = await plans.draft(office.store, DEV, "shop", Edits(), elsewhere, NOON_S)
        assert [s.request.stack for s in steps(drafted, StartBuild)] == ["stack-2"]
        assert [s.order.key.process for s in steps(drafted, EnsureProcesses)][-1] == "web"
        assert drafted.passes[-1].settled

    in_office(story)


def test_no_edits_show_what_the_loop_will_do_anyway():
    async def story(office):
        await apps.create(office.door, asked(), "shop")
        drafted = await plan(office, Edits())
        assert drafted.touches == ()
        assert len(drafted.passes) >= 1

    in_office(story)


@pytest.mark.parametrize(
    ("name", "edits"),
    [
        ("Not A Name", Edits()),
        ("shop", Edits(config_set=("A=B",))),
        ("shop", Edits(formation={"web": Formation(2, 1)})),
        ("shop", Edits(cron=(CronJob("at noon", "tidy"),))),
        ("shop", Edits(cron=(HOURLY, CronJob("0  * * * *", "poll")))),
    ],
)
def test_what_the_change_would_be_refused_for_its_plan_is_refused_for(name, edits):
    async def story(office):
        with pytest.raises(Invalid):
            await plan(office, edits, name)

    in_office(story)
