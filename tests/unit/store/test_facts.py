"""Journal, status, builds, releases, sources: what passes write."""

import msgspec
import pytest

from setpoint.model.condition import Condition, ConditionType
from setpoint.model.errors import StoreError
from setpoint.model.ids import AppId
from setpoint.model.journal import Entry
from setpoint.store.port import Status
from tests.support.memory import (
    DIGEST,
    NOON_S,
    OTHER_DIGEST,
    SHOP,
    build,
    created,
    deployed,
    ref,
    run,
    shop,
    write,
)


def entry(verb="ensure-processes", **fields):
    made = {
        "id": 0,
        "app": SHOP,
        "generation": 1,
        "kind": "step",
        "subject": "web",
        "rule": "start",
        "because": "v1 wants 1 web",
        "change": 1,
        "state": "planned",
        "planned_at_s": NOON_S,
        "token": "t-1",
    }
    return Entry(verb=verb, **(made | fields))


def ready(status=True, generation=1, at_s=NOON_S):
    condition = Condition(ConditionType.READY, status, "Serving", "", generation, NOON_S)
    return Status(generation, (condition,), b'{"sets":[]}', at_s)


def test_steps_are_known_before_their_effect_and_with_their_outcome_after(open_one):
    async def story():
        store = open_one()
        await created(store)
        ids = await store.begin_pass([entry("start-build"), entry("ensure-route")])
        newest, oldest = await store.journal(SHOP)
        assert (oldest, newest) == (
            entry("start-build", id=ids[0]),
            entry("ensure-route", id=ids[1]),
        )
        outcomes = [(ids[0], "succeeded", ""), (ids[1], "failed", "the edge is down")]
        await store.end_pass(outcomes, SHOP, None, NOON_S + 1)
        newest, oldest = await store.journal(SHOP)
        assert (oldest.state, oldest.ended_at_s) == ("succeeded", NOON_S + 1)
        assert (newest.state, newest.result) == ("failed", "the edge is down")
        assert await store.journal(SHOP, limit=1) == (newest,)
        await store.close()

    run(story())


def test_a_status_is_written_when_it_changed_and_only_a_flip_is_an_event(open_one):
    async def story():
        store = open_one()
        await created(store)
        await store.end_pass([], SHOP, ready(False), NOON_S)
        await store.end_pass([], SHOP, ready(False, at_s=NOON_S + 5), NOON_S + 5)
        assert await store.status(SHOP) == ready(False)
        await store.end_pass([], SHOP, ready(True, at_s=NOON_S + 6), NOON_S + 6)
        assert await store.status(SHOP) == ready(True, at_s=NOON_S + 6)
        flips = [e.body for e in await store.events(0) if e.type == "status.flipped"]
        assert [msgspec.json.decode(f)["conditions"] for f in flips] == [
            {"Ready": False},
            {"Ready": True},
        ]
        await store.close()

    run(story())


def test_a_status_never_goes_back_to_an_older_generation(open_one):
    async def story():
        store = open_one()
        await created(store)
        await store.end_pass([], SHOP, ready(True, generation=2), NOON_S)
        await store.end_pass([], SHOP, ready(False, generation=1), NOON_S)
        assert await store.status(SHOP) == ready(True, generation=2)
        await store.close()

    run(story())


def test_a_forgotten_app_gets_no_status(open_one):
    async def story():
        store = open_one()
        await created(store)
        await store.forget(SHOP)
        await store.end_pass([], SHOP, ready(), NOON_S)
        await store.end_pass([], AppId("never-was"), ready(), NOON_S)
        assert await store.status(SHOP) is None
        await store.close()

    run(story())


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ("running", "succeeded", "succeeded"),
        ("succeeded", "running", "succeeded"),
        ("failed", "succeeded", "failed"),
    ],
)
def test_a_final_build_never_goes_back(open_one, first, second, kept):
    async def story():
        store = open_one()
        await store.record_build(build(status=first))
        await store.record_build(build(status=second))
        (only,) = await store.builds(SHOP)
        assert only.status == kept
        await store.close()

    run(story())


def test_a_build_cut_off_through_no_fault_of_its_own_may_yet_succeed(open_one):
    async def story():
        store = open_one()
        await store.record_build(build(status="failed", user_error=False))
        await store.record_build(build(status="succeeded"))
        (only,) = await store.builds(SHOP)
        assert only.status == "succeeded"
        assert [e.type for e in await store.events(0)] == ["build.begun", "build.ended"]
        await store.close()

    run(story())


def test_builds_and_releases_come_newest_first(open_one):
    async def story():
        store = open_one()
        unit, _ = await deployed(store, await created(store))
        await deployed(store, unit, OTHER_DIGEST)
        assert [b.source for b in await store.builds(SHOP)] == [OTHER_DIGEST, DIGEST]
        assert [r.label for r in await store.releases(SHOP)] == ["v2", "v1"]
        assert [r.label for r in await store.releases(SHOP, limit=1)] == ["v2"]
        await store.close()

    run(story())


def test_a_release_copies_config_and_tells_its_change(open_one):
    async def story():
        store = open_one()
        unit = await created(store)
        unit = await write(store, unit, shop(config={"FOO": ref()}), {"s-1@1": "bar"})
        unit, release = await deployed(store, unit)
        assert (release.version, release.change, release.config) == (1, 3, {"FOO": ref()})
        assert release.description == "Deploy a1a1a1a1"
        assert (release.status, release.created_at_s) == ("pending", NOON_S)
        assert await store.releases(SHOP) == (release,)
        await store.close()

    run(story())


def test_asking_twice_for_one_change_is_one_release_even_when_it_is_superseded(open_one):
    async def story():
        store = open_one()
        unit, first = await deployed(store, await created(store))
        _, second = await deployed(store, unit, OTHER_DIGEST)

        again = await store.cut_release(SHOP, build(), {}, "Deploy", first.change, NOON_S)

        assert again is not None
        assert (again.version, again.status, second.version) == (1, "superseded", 2)
        await store.close()

    run(story())


def test_a_release_is_cut_only_for_the_newest_shape(open_one):
    async def story():
        store = open_one()
        unit = await created(store)
        stale, _ = await deployed(store, unit)
        await write(store, stale, shop(source=stale.intent.source, config={"A": ref()}))
        assert await store.cut_release(SHOP, build(), {}, "x", 99, NOON_S) is None
        assert await store.cut_release(AppId("no"), build(), {}, "x", 1, NOON_S) is None
        assert len(await store.releases(SHOP)) == 1
        await store.close()

    run(story())


def test_a_build_without_a_slug_makes_no_release(open_one):
    async def story():
        store = open_one()
        unit = await created(store, shop(config={"A": ref()}))
        with pytest.raises(StoreError, match="it left no slug"):
            await store.cut_release(
                SHOP, build(status="failed", slug=None), {}, "x", unit.shape_change, NOON_S
            )
        await store.close()

    run(story())


def test_the_verdict_on_a_release_is_spoken_once(open_one):
    async def story():
        store = open_one()
        await deployed(store, await created(store))
        await store.settle_release(SHOP, 1, False, "web exited with code 1")
        await store.settle_release(SHOP, 1, True, "")
        (only,) = await store.releases(SHOP)
        assert (only.status, only.message) == ("failed", "web exited with code 1")
        types = [e.type for e in await store.events(0)]
        assert types.count("release.settled") == types.count("release.cut") == 1
        await store.close()

    run(story())


def test_a_source_is_known_once_it_was_recorded(open_one):
    async def story():
        store = open_one()
        assert not await store.source_known(DIGEST)
        await store.record_source(DIGEST, 10, NOON_S)
        await store.record_source(DIGEST, 10, NOON_S)
        assert await store.source_known(DIGEST)
        await store.close()

    run(story())
