"""What somebody may ask for, and what each leaves behind."""

import dataclasses

import msgspec
import pytest

from setpoint.intents import apps, config, deploys, formation, keys, restarts, rollbacks
from setpoint.intents.formation import FormationUpdate
from setpoint.model.app import DYNO_SIZES, Formation, Source
from setpoint.model.change import Actor
from setpoint.model.errors import Conflict, Forbidden, Invalid, NotFound, OverLimit
from setpoint.model.release import ProcessType
from setpoint.store.port import UnitWrite
from tests.support.doors import in_office
from tests.support.memory import DIGEST, NOON_S, OTHER_DIGEST, asked, build, slug

READER = asked(actor=Actor("eve", "eve@example.com", "read"))


async def summaries(office):
    return [c.change.summary for c in await office.store.changes(None)]


async def released(office, *processes):
    """'shop' with one release on the shelf."""
    door, store = office.door, office.store
    await apps.create(door, asked(), "shop")
    await store.record_source(DIGEST, 1, NOON_S)
    unit = await deploys.deploy(door, asked(), "shop", DIGEST)
    made = msgspec.structs.replace(build(slug=slug(*processes)), app=unit.id)
    await store.cut_release(unit.id, made, {}, "Deploy", unit.shape_change, NOON_S)
    return unit


# --- apps -------------------------------------------------------------------------------------


def test_a_new_app_has_an_invoke_key_of_its_own_and_wakes_the_loop():
    async def story(office):
        unit = await apps.create(office.door, asked(), "shop")
        key = unit.intent.invoke_key
        assert key is not None
        assert (unit.name, unit.owner, office.woken) == ("shop", "dev@example.com", [unit.id])
        assert await office.store.reveal({"key": key}) == {"key": "token-1"}
        assert await summaries(office) == ["Create shop"]

    in_office(story)


def test_an_app_without_a_name_gets_one_nobody_has():
    async def story(office):
        first = await apps.create(office.door, asked(), None)
        second = await apps.create(office.door, asked(), None)
        assert first.name != second.name
        assert len(first.name.split("-")) == 3

    in_office(story)


def test_a_suggestion_that_is_taken_is_followed_by_another():
    async def story(office):
        tokens = iter(["a", "key", "a", "key", "b", "key"])
        door = dataclasses.replace(office.door, new_token=lambda: next(tokens))
        first = await apps.create(door, asked(), None)
        second = await apps.create(door, asked(), None)
        assert first.name != second.name

    in_office(story)


def test_a_taken_or_malformed_name_creates_nothing():
    async def story(office):
        await apps.create(office.door, asked(), "shop")
        with pytest.raises(Conflict, match="the name is taken"):
            await apps.create(office.door, asked(), "shop")
        with pytest.raises(Invalid):
            await apps.create(office.door, asked(), "Shop!")
        assert len(office.woken) == len(await summaries(office)) == 1

    in_office(story)


def test_an_app_is_destroyed_only_by_its_whole_name():
    async def story(office):
        await apps.create(office.door, asked(), "shop")
        with pytest.raises(Invalid, match="'sho' is not its name"):
            await apps.destroy(office.door, asked(), "shop", "sho")
        unit = await apps.destroy(office.door, asked(), "shop", "shop")
        assert unit.intent.deleted
        assert await summaries(office) == ["Destroy shop", "Create shop"]

    in_office(story)


def test_a_renamed_app_keeps_everything_and_its_old_name_is_free():
    async def story(office):
        door = office.door
        old = await apps.create(door, asked(), "shop")
        new = await apps.update(door, asked(), "shop", new_name="store")
        assert new.intent == msgspec.structs.replace(old.intent, name="store")
        assert (await summaries(office))[0] == "Rename shop to store"
        assert office.woken[-1] == old.id
        assert (await apps.create(door, asked(), "shop")).id != old.id

    in_office(story)


def test_a_bad_or_taken_new_name_changes_nothing():
    async def story(office):
        door = office.door
        before = await apps.create(door, asked(), "shop")
        await apps.create(door, asked(), "store")
        for new, kind, fact in (
            ("Store!", Invalid, "cannot rename 'shop' to 'Store!': not a valid app name"),
            ("a--b", Invalid, "cannot rename 'shop' to 'a--b': not a valid app name"),
            ("store", Conflict, "cannot rename 'shop' to 'store': the name is taken"),
        ):
            with pytest.raises(kind) as told:
                await apps.update(door, asked(), "shop", new_name=new, maintenance=True)
            assert told.value.message == fact
        assert await office.store.unit_named("shop") == before

    in_office(story)


def test_maintenance_is_switched_and_what_is_so_already_is_no_change():
    async def story(office):
        door = office.door
        await apps.create(door, asked(), "shop")
        on = await apps.update(door, asked(), "shop", maintenance=True)
        assert on.intent.maintenance
        assert await apps.update(door, asked(), "shop", new_name="shop", maintenance=True) == on
        off = await apps.update(door, asked(), "shop", maintenance=False)
        assert not off.intent.maintenance
        assert await summaries(office) == ["Maintenance off", "Maintenance on", "Create shop"]
        assert off.shape_change == 0

    in_office(story)


ON_AN_APP = {
    "destroy": lambda door, who: apps.destroy(door, who, "shop", "shop"),
    "configure": lambda door, who: config.patch(door, who, "shop", {"A": "b"}),
    "scale": lambda door, who: formation.scale(door, who, "shop", [FormationUpdate("web", 1, 1)]),
    "deploy": lambda door, who: deploys.deploy(door, who, "shop", DIGEST),
    "roll back": lambda door, who: rollbacks.roll_back(door, who, "shop"),
    "rename": lambda door, who: apps.update(door, who, "shop", new_name="store"),
    "switch maintenance of": lambda door, who: apps.update(door, who, "shop", maintenance=True),
    "restart": lambda door, who: restarts.restart(door, who, "shop"),
    "rotate the invoke key of": lambda door, who: keys.rotate(door, who, "shop"),
}


@pytest.mark.parametrize("verb", ON_AN_APP)
def test_a_destroyed_app_is_as_absent_as_one_that_never_was(verb):
    async def story(office):
        ask = ON_AN_APP[verb]
        with pytest.raises(NotFound) as never:
            await ask(office.door, asked())
        await apps.create(office.door, asked(), "shop")
        await apps.destroy(office.door, asked(), "shop", "shop")
        with pytest.raises(NotFound) as destroyed:
            await ask(office.door, asked())
        assert str(never.value) == str(destroyed.value)
        assert never.value.message == f"cannot {verb} 'shop': no such app"

    in_office(story)


@pytest.mark.parametrize("verb", ON_AN_APP)
def test_a_reader_may_ask_for_nothing_and_learns_nothing(verb):
    async def story(office):
        with pytest.raises(Forbidden):
            await ON_AN_APP[verb](office.door, READER)
        with pytest.raises(Forbidden):
            await apps.create(office.door, READER, "shop")
        assert await summaries(office) == []

    in_office(story)


# --- config -----------------------------------------------------------------------------------


def test_config_is_set_and_removed_in_herokus_words():
    async def story(office):
        door = office.door
        await apps.create(door, asked(), "shop")
        await config.patch(door, asked(), "shop", {"FOO": "1", "BAR": "2"})
        await config.patch(door, asked(), "shop", {"FOO": None})
        unit = await config.patch(door, asked(), "shop", {"NEW": "3", "BAR": None})
        assert await summaries(office) == [
            "Set NEW config vars, Remove BAR config vars",
            "Remove FOO config vars",
            "Set FOO, BAR config vars",
            "Create shop",
        ]
        assert await office.store.reveal(unit.intent.config) == {"NEW": "3"}

    in_office(story)


def test_a_changed_value_counts_its_versions_and_the_old_one_still_opens():
    async def story(office):
        door = office.door
        await apps.create(door, asked(), "shop")
        old = await config.patch(door, asked(), "shop", {"FOO": "one"})
        new = await config.patch(door, asked(), "shop", {"FOO": "two"})
        assert new.intent.config["FOO"].version == 2
        assert await office.store.reveal(old.intent.config) == {"FOO": "one"}
        assert await office.store.reveal(new.intent.config) == {"FOO": "two"}

    in_office(story)


def test_setting_what_is_so_already_is_no_change():
    async def story(office):
        door = office.door
        await apps.create(door, asked(), "shop")
        before = await config.patch(door, asked(), "shop", {"FOO": "one"})
        after = await config.patch(door, asked(), "shop", {"FOO": "one", "GONE": None})
        nothing = await config.patch(door, asked(), "shop", {})
        assert before == after == nothing
        assert (len(await summaries(office)), len(office.woken)) == (2, 2)

    in_office(story)


def test_a_malformed_patch_sets_none_of_its_keys():
    async def story(office):
        await apps.create(office.door, asked(), "shop")
        with pytest.raises(Invalid):
            await config.patch(office.door, asked(), "shop", {"GOOD": "1", "B=AD": "2"})
        many = {f"K{n}": "1" for n in range(501)}
        with pytest.raises(OverLimit):
            await config.patch(office.door, asked(), "shop", many)
        unit = await office.store.unit_named("shop")
        assert unit is not None
        assert unit.intent.config == {}

    in_office(story)


def test_a_summary_of_many_keys_stays_one_line():
    patch = {f"KEY_{n}": "x" for n in range(500)}

    assert config.summary(patch).endswith("KEY_9 and 490 more config vars")


def test_a_why_may_not_give_away_a_config_value_old_or_new():
    async def story(office):
        door = office.door
        await apps.create(door, asked(), "shop")
        with pytest.raises(Invalid, match="it contains the value of a config var"):
            await config.patch(door, asked("use s3cret-one"), "shop", {"A": "s3cret-one"})
        await config.patch(door, asked("rotated"), "shop", {"A": "s3cret-one"})
        with pytest.raises(Invalid):
            await restarts.restart(door, asked("pick up s3cret-one"), "shop")
        assert "s3cret" not in repr(await office.store.changes(None))

    in_office(story)


# --- formation --------------------------------------------------------------------------------


def test_scaling_tells_what_it_scales():
    async def story(office):
        await released(office, ProcessType("web", "web"), ProcessType("worker", "worker"))
        updates = [FormationUpdate("web", 0, 2), FormationUpdate("worker", 1, 1)]
        unit = await formation.scale(office.door, asked(), "shop", updates)
        assert unit.intent.formation == {"web": Formation(0, 2), "worker": Formation(1, 1)}
        bigger = FormationUpdate("web", size="standard-2x")
        unit = await formation.scale(office.door, asked(), "shop", [bigger])
        assert unit.intent.formation["web"] == Formation(0, 2, "standard-2x")
        assert (await summaries(office))[:2] == [
            "Scale web to 0..2 (standard-2x)",
            "Scale web to 0..2, worker to 1",
        ]

    in_office(story)


def test_scaling_to_what_is_so_already_is_no_change():
    async def story(office):
        await released(office)
        update = [FormationUpdate("web", 2, 2)]
        first = await formation.scale(office.door, asked(), "shop", update)
        assert await formation.scale(office.door, asked(), "shop", update) == first

    in_office(story)


def test_scaling_before_there_is_a_release_says_to_deploy_first():
    async def story(office):
        await apps.create(office.door, asked(), "shop")
        with pytest.raises(Invalid, match="it has no release yet") as refused:
            await formation.scale(office.door, asked(), "shop", [FormationUpdate("web", 1, 1)])
        assert refused.value.hint == "deploy first: setpoint deploy -a shop"

    in_office(story)


@pytest.mark.parametrize(
    ("update", "told"),
    [
        (FormationUpdate("web", -1, -1), "web=-1 is not a whole number from 0 to 100"),
        (FormationUpdate("web", "x", "x"), "web=x is not a whole number from 0 to 100"),
        (FormationUpdate("web", min=5), "web=5..1 ends before it begins"),
        (FormationUpdate("web", size="huge"), "'huge' is no dyno size"),
        (FormationUpdate("clock", 1, 1), "it has no process 'clock'"),
        (FormationUpdate("a b", 1, 1), "'a b' is no process name"),
        (FormationUpdate("release", 1, 1), "'release' runs once per release"),
    ],
)
def test_a_nonsense_scale_is_refused_and_changes_nothing(update, told):
    async def story(office):
        types = (ProcessType("web", "web"), ProcessType("release", "release"))
        before = await released(office, *types)
        fine = FormationUpdate("web", 1, 1)
        with pytest.raises((Invalid, NotFound), match="cannot scale 'shop'") as refused:
            await formation.scale(office.door, asked(), "shop", [fine, update])
        assert told in refused.value.message
        assert await office.store.unit_named("shop") == before

    in_office(story)


def test_how_much_one_instance_has_in_hand_can_be_said_of_what_answers():
    types = (
        ProcessType("web", "web"),
        ProcessType("hello", "function"),
        ProcessType("worker", "worker"),
    )

    async def story(office):
        await released(office, *types)
        updates = [FormationUpdate("web", concurrency=250), FormationUpdate("hello", concurrency=1)]
        unit = await formation.scale(office.door, asked(), "shop", updates)
        assert [f.concurrency for f in unit.intent.formation.values()] == [250, 1]
        for wrong, told in (
            (FormationUpdate("hello", concurrency=101), "101 of hello is not between 1 and 100"),
            (FormationUpdate("hello", concurrency=0), "0 of hello is not between 1 and 100"),
            (FormationUpdate("web", concurrency=10_001), "of web is not between 1 and 10000"),
            (FormationUpdate("worker", concurrency=3), "it answers no requests"),
        ):
            with pytest.raises(Invalid) as refused:
                await formation.scale(office.door, asked(), "shop", [wrong])
            assert told in refused.value.message
        assert await office.store.unit_named("shop") == unit

    in_office(story)


def test_every_size_there_is_can_be_asked_for():
    async def story(office):
        await released(office)
        for size in DYNO_SIZES:
            update = FormationUpdate("web", 1, 1, size)
            unit = await formation.scale(office.door, asked(), "shop", [update])
            assert unit.intent.formation["web"].size == size

    in_office(story)


# --- deploys, restarts, keys ------------------------------------------------------------------


def test_a_deploy_names_its_version_or_the_beginning_of_its_digest():
    async def story(office):
        await apps.create(office.door, asked(), "shop")
        await office.store.record_source(DIGEST, 1, NOON_S)
        unit = await deploys.deploy(office.door, asked(), "shop", DIGEST, "v1.2")
        assert unit.intent.source == Source(DIGEST, "v1.2")
        again = await deploys.deploy(office.door, asked(), "shop", DIGEST)
        assert again.source_change > unit.source_change
        assert (await summaries(office))[:2] == ["Deploy a1a1a1a1", "Deploy v1.2"]

    in_office(story)


def test_the_very_same_deploy_twice_is_two_changes():
    async def story(office):
        await apps.create(office.door, asked(), "shop")
        await office.store.record_source(DIGEST, 1, NOON_S)
        first = await deploys.deploy(office.door, asked(), "shop", DIGEST)
        second = await deploys.deploy(office.door, asked(), "shop", DIGEST)
        assert (first.intent, first.source_change + 1) == (second.intent, second.source_change)

    in_office(story)


@pytest.mark.parametrize(
    ("digest", "version", "refusal"),
    [
        (OTHER_DIGEST, "", NotFound),
        ("not-a-digest", "", Invalid),
        (DIGEST.upper(), "", Invalid),
        (DIGEST, "two\nlines", Invalid),
    ],
)
def test_a_deploy_of_what_was_not_uploaded_is_refused(digest, version, refusal):
    async def story(office):
        await apps.create(office.door, asked(), "shop")
        await office.store.record_source(DIGEST, 1, NOON_S)
        with pytest.raises(refusal, match="cannot deploy 'shop'"):
            await deploys.deploy(office.door, asked(), "shop", digest, version)
        assert await summaries(office) == ["Create shop"]

    in_office(story)


def test_a_restart_is_the_time_it_was_asked_for():
    async def story(office):
        await apps.create(office.door, asked(), "shop")
        unit = await restarts.restart(office.door, asked(at_s=NOON_S + 7), "shop")
        assert unit.intent.restarted_at_s == NOON_S + 7
        assert unit.shape_change == 0

    in_office(story)


def test_one_type_is_restarted_alone():
    async def story(office):
        types = (ProcessType("web", "web"), ProcessType("worker", "worker"))
        await released(office, *types, ProcessType("release", "release"))
        unit = await restarts.restart(office.door, asked(at_s=NOON_S + 7), "shop", "worker")
        assert unit.intent.restarted_s("worker") == NOON_S + 7
        assert unit.intent.restarted_s("web") is None
        assert (await summaries(office))[0] == "Restart worker"
        for process, kind, fact in (
            ("clock", NotFound, "it has no process 'clock'"),
            ("release", Invalid, "'release' runs once per release"),
        ):
            with pytest.raises(kind, match="cannot restart 'shop'") as told:
                await restarts.restart(office.door, asked(), "shop", process)
            assert fact in told.value.message

    in_office(story)


def test_a_rotated_key_is_a_new_value_under_a_new_version():
    async def story(office):
        first = await apps.create(office.door, asked(), "shop")
        second = await keys.rotate(office.door, asked(), "shop")
        old, new = first.intent.invoke_key, second.intent.invoke_key
        assert old is not None
        assert new is not None
        assert new.version == 2
        values = await office.store.reveal({"old": old, "new": new})
        assert values["old"] != values["new"]

    in_office(story)


def test_a_conflict_is_told_and_never_retried_behind_ones_back():
    async def story(office):
        door = office.door
        unit = await apps.create(door, asked(), "shop")
        restarted = msgspec.structs.replace(unit.intent, restarted_at_s=1.0)

        async def late(name):
            await office.store.commit(asked(), "restart", "x", [UnitWrite(restarted, unit.rev)])
            return unit

        office.store.unit_named = late
        with pytest.raises(Conflict, match="restarted_at_s was changed meanwhile by c2"):
            await restarts.restart(door, asked(), "shop")
        assert len(office.woken) == 1

    in_office(story)
