"""Going back: which releases may be, and what a rollback writes."""

import msgspec
import pytest

from setpoint.intents import apps, config, deploys, rollbacks
from setpoint.model.app import SecretRef, Source
from setpoint.model.errors import Conflict, Invalid, NotFound, Refused
from setpoint.policy.rollbacks import restored_config
from tests.support.doors import in_office
from tests.support.memory import DIGEST, NOON_S, OTHER_DIGEST, asked, build


async def cut(office, unit, id, *, verdict=True):
    """What the loop would do for this unit's newest shape."""
    made = msgspec.structs.replace(build(unit.intent.source.digest, id), app=unit.id)
    release = await office.store.cut_release(
        unit.id,
        made,
        unit.intent.config,
        unit.shape_summary,
        unit.shape_change,
        NOON_S,
        unit.intent.source.version,
    )
    assert release is not None
    if verdict is not None:
        await office.store.settle_release(unit.id, release.version, verdict, "")
    return release


async def two_served(office):
    """v1 of one source with A=1, v2 of another with A=2 and B: v2 serves."""
    door, store = office.door, office.store
    await apps.create(door, asked(), "shop")
    for digest in (DIGEST, OTHER_DIGEST):
        await store.record_source(digest, 1, NOON_S)
    await config.patch(door, asked(), "shop", {"A": "1"})
    unit = await deploys.deploy(door, asked(), "shop", DIGEST, "first")
    await cut(office, unit, "b-1")
    await config.patch(door, asked(), "shop", {"A": "2", "B": "b"})
    unit = await deploys.deploy(door, asked(), "shop", OTHER_DIGEST, "second")
    await cut(office, unit, "b-2")
    return unit


async def refused(office, wanted, kind=Invalid):
    before = await office.store.unit_named("shop")
    with pytest.raises(kind) as told:
        await rollbacks.roll_back(office.door, asked(), "shop", wanted)
    assert await office.store.unit_named("shop") == before
    assert "\n" not in told.value.message
    return told.value.message


def test_a_rollback_is_the_source_and_the_config_values_of_then():
    async def story(office):
        await two_served(office)
        unit = await rollbacks.roll_back(office.door, asked("B is wrong"), "shop", "v1")
        assert unit.intent.source == Source(DIGEST, "first")
        assert await office.store.reveal(unit.intent.config) == {"A": "1"}
        assert (unit.intent.rollback_to, unit.shape_change) == (1, unit.last_change)
        assert unit.shape_summary == "Rollback to v1"
        assert office.woken[-1] == unit.id

    in_office(story)


def test_without_a_version_it_is_what_served_before_and_twice_is_there_and_back():
    async def story(office):
        await two_served(office)
        unit = await rollbacks.roll_back(office.door, asked(), "shop")
        assert unit.intent.rollback_to == 1
        await cut(office, unit, "b-1")
        unit = await rollbacks.roll_back(office.door, asked(), "shop")
        assert unit.intent.rollback_to == 2

    in_office(story)


def test_after_a_release_that_failed_it_is_the_one_that_still_serves():
    async def story(office):
        await two_served(office)
        unit = await deploys.deploy(office.door, asked(), "shop", DIGEST)
        await cut(office, unit, "b-3", verdict=False)
        assert (await refused(office, "v3")) == (
            "cannot roll back 'shop': v3 failed, so it never served"
        )
        unit = await rollbacks.roll_back(office.door, asked(), "shop")
        assert unit.intent.rollback_to == 2

    in_office(story)


def test_what_runs_is_not_gone_back_to_also_under_another_number():
    async def story(office):
        await two_served(office)
        assert await refused(office, "2", Conflict) == "cannot roll back 'shop': v2 is what runs"
        unit = await rollbacks.roll_back(office.door, asked(), "shop", "v1")
        await cut(office, unit, "b-1", verdict=None)
        told = await refused(office, "v1", Conflict)
        assert told == "cannot roll back 'shop': v1 is on its way already, as v3"
        await office.store.settle_release(unit.id, 3, True, "")
        told = await refused(office, "v1", Conflict)
        assert told == "cannot roll back 'shop': v1 runs already, as v3"

    in_office(story)


def test_a_rollback_that_failed_may_be_tried_again():
    async def story(office):
        await two_served(office)
        first = await rollbacks.roll_back(office.door, asked(), "shop", "v1")
        await cut(office, first, "b-1", verdict=False)
        again = await rollbacks.roll_back(office.door, asked(), "shop", "v1")
        assert again.shape_change > first.shape_change

    in_office(story)


@pytest.mark.parametrize("wanted", ["v9", "0", "latest", "v1 v2", "9" * 50])
def test_a_version_there_is_not_is_refused(wanted):
    async def story(office):
        await two_served(office)
        told = await refused(office, wanted, NotFound)
        assert told.startswith("cannot roll back 'shop': it has no release '")

    in_office(story)


def test_with_nothing_before_it_there_is_nothing_to_go_back_to():
    async def story(office):
        await apps.create(office.door, asked(), "shop")
        assert await refused(office, "") == "cannot roll back 'shop': no release has served yet"
        await office.store.record_source(DIGEST, 1, NOON_S)
        await cut(office, await deploys.deploy(office.door, asked(), "shop", DIGEST), "b-1")
        assert (
            await refused(office, "") == "cannot roll back 'shop': no release has served before v1"
        )

    in_office(story)


def test_a_slug_that_is_gone_says_to_deploy_again():
    async def story(office):
        await two_served(office)
        rows = await office.store.releases((await office.store.unit_named("shop")).id)

        async def without(*_):
            return (rows[0], msgspec.structs.replace(rows[1], slug_kept=False))

        office.store.releases = without
        with pytest.raises(Refused) as told:
            await rollbacks.roll_back(office.door, asked(), "shop", "v1")
        assert told.value.message == "cannot roll back 'shop': the slug of v1 is gone"
        assert told.value.hint == "deploy its source again: setpoint deploy DIR -a shop"

    in_office(story)


def test_the_next_deploy_ends_a_rollback():
    async def story(office):
        await two_served(office)
        await rollbacks.roll_back(office.door, asked(), "shop", "v1")
        unit = await deploys.deploy(office.door, asked(), "shop", OTHER_DIGEST)
        assert unit.intent.rollback_to is None

    in_office(story)


def test_a_deploy_and_a_rollback_at_once_are_a_conflict_not_a_mixture():
    async def story(office):
        stale = await two_served(office)
        await rollbacks.roll_back(office.door, asked(), "shop", "v1")

        async def late(_):
            return stale

        office.store.unit_named = late
        with pytest.raises(Conflict, match="was changed meanwhile"):
            await deploys.deploy(office.door, asked(), "shop", OTHER_DIGEST)

    in_office(story)


def test_a_why_may_not_give_away_a_value_that_comes_back():
    async def story(office):
        await two_served(office)
        door = office.door
        await config.patch(door, asked(), "shop", {"A": "s3cret-one"})
        await cut(office, await office.store.unit_named("shop"), "b-2")
        await config.patch(door, asked(), "shop", {"A": "other"})
        await cut(office, await office.store.unit_named("shop"), "b-2")
        with pytest.raises(Invalid, match="it contains the value of a config var"):
            await rollbacks.roll_back(door, asked("want s3cret-one"), "shop")

    in_office(story)


def test_what_add_ons_provide_stays_as_it_is_now():
    old, new = SecretRef("url", 1), SecretRef("url", 2)
    then = {"DATABASE_URL": old, "OLD_URL": old, "A": SecretRef("a", 1)}
    now = {"DATABASE_URL": new, "CACHE_URL": new, "A": SecretRef("a", 2), "B": SecretRef("b", 1)}
    provided = frozenset({"DATABASE_URL", "CACHE_URL", "OLD_URL"})
    assert restored_config(now, then, provided) == {
        "DATABASE_URL": new,
        "CACHE_URL": new,
        "A": SecretRef("a", 1),
    }
    assert restored_config(now, then) == then
