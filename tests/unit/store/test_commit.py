"""Changes: one transaction, conflicts per path, provenance that cannot lie."""

import msgspec
import pytest

from setpoint.model.app import Formation, SecretRef, Source
from setpoint.model.change import Touch
from setpoint.model.errors import Conflict, NotFound, StoreError
from setpoint.model.ids import AppId
from setpoint.store.port import Field, UnitWrite
from tests.support.memory import (
    DIGEST,
    NOON_S,
    OTHER_DIGEST,
    SHOP,
    asked,
    created,
    ref,
    run,
    shop,
    write,
)

WEB = {"web": Formation(1, 1)}


def changed(unit, **fields):
    return msgspec.structs.replace(unit.intent, **fields)


def test_a_created_app_is_generation_one_and_found_by_name_and_id(open_one):
    async def story():
        store = open_one()
        unit = await created(store)
        assert (unit.generation, unit.rev, unit.incarnation, unit.owner) == (
            1,
            1,
            1,
            "dev@example.com",
        )
        assert await store.unit(SHOP) == unit
        assert await store.unit_named("shop") == unit
        assert await store.units() == (unit,)
        await store.close()

    run(story())


def test_a_taken_name_is_a_conflict_and_writes_nothing(open_one):
    async def story():
        store = open_one()
        await created(store)
        with pytest.raises(Conflict, match="cannot create 'shop': the name is taken"):
            await created(store, shop(id=AppId("another")))
        assert len(await store.changes(None)) == 1
        assert len(await store.events(0)) == 1
        await store.close()

    run(story())


def test_no_two_apps_answer_at_one_domain_and_a_forgotten_one_frees_its_own(open_one):
    async def story():
        store, domains = open_one(), ("a.example", "www.example.com")
        unit = await created(store, shop(domains=domains))
        other = shop(id=AppId("another"), name="store", domains=("www.example.com",))
        with pytest.raises(Conflict, match=r"domain 'www.example.com'.*another app has it"):
            await created(store, other)
        fewer = msgspec.structs.replace(unit.intent, domains=("a.example",))
        await store.commit(asked(), "remove", "Remove", [UnitWrite(fewer, unit.rev)])
        taken = await created(store, other)
        more = msgspec.structs.replace(taken.intent, domains=("a.example", "www.example.com"))
        with pytest.raises(Conflict, match="another app has it"):
            await store.commit(asked(), "add", "Add", [UnitWrite(more, taken.rev)])
        await store.forget(SHOP)
        await store.commit(asked(), "add", "Add", [UnitWrite(more, taken.rev)])
        await store.close()

    run(story())


def test_a_forgotten_app_frees_its_name_and_keeps_its_story(open_one):
    async def story():
        store = open_one()
        await created(store)
        await store.forget(SHOP)
        await store.forget(SHOP)
        assert await store.unit(SHOP) is None
        assert await store.unit_named("shop") is None
        again = await created(store, shop(id=AppId("another")))
        assert (again.generation, await store.units()) == (1, (again,))
        assert [c.change.summary for c in await store.changes(SHOP)] == ["Create shop"]
        assert [e.type for e in await store.events(0)] == [
            "change.accepted",
            "app.forgotten",
            "change.accepted",
        ]
        await store.close()

    run(story())


def test_a_change_tells_what_it_touched_and_fields_tell_which_change_set_them(open_one):
    async def story():
        store = open_one()
        unit = await created(store)
        unit = await write(
            store, unit, changed(unit, config={"FOO": ref(1)}), {"s-1@1": "one"}, "Set FOO"
        )
        unit = await write(
            store, unit, changed(unit, config={"FOO": ref(2)}), {"s-1@2": "two"}, "Set FOO"
        )
        newest, older, first = await store.changes(SHOP)
        assert [(t.path, t.old, t.new) for t in newest.touches] == [
            ("config.FOO", "secret v1", "secret v2")
        ]
        assert [(t.old, t.new) for t in older.touches] == [(None, "secret v1")]
        assert first.touches == (Touch("name", None, "shop"),)
        assert await store.fields(SHOP) == (Field("config.FOO", 3), Field("name", 1))
        await write(store, unit, changed(unit, config={}), summary="Remove FOO")
        assert await store.fields(SHOP) == (Field("name", 1),)
        await store.close()

    run(story())


def test_a_secret_leaves_a_fingerprint_that_tells_one_value_of_a_path_from_another(open_one):
    async def story():
        store = open_one()
        unit = await created(store)
        for version, value in enumerate(("one", "", "one"), start=1):
            config = {"FOO": ref(version)}
            unit = await write(store, unit, changed(unit, config=config), {f"s-1@{version}": value})
        unit = await write(store, unit, changed(unit, config={"BAR": ref(1)}))
        gone, third, second, first, _ = await store.changes(SHOP)
        (one,), (two,), (three,) = first.touches, second.touches, third.touches
        assert one.old_print is msgspec.UNSET
        assert (two.old_print, three.old_print) == (one.new_print, two.new_print)
        assert one.new_print == three.new_print != two.new_print
        bar, foo = gone.touches
        assert (foo.old_print, foo.new_print) == (one.new_print, msgspec.UNSET)
        assert bar.new_print != one.new_print, "the same value at another path"
        await store.close()

    run(story())


def test_a_change_without_secrets_is_kept_without_fingerprints(open_one):
    async def story():
        store = open_one()
        unit = await created(store)
        await write(store, unit, changed(unit, maintenance=True))
        newest = (await store.changes(SHOP))[0]
        assert msgspec.json.encode(newest.touches) == (
            b'[{"path":"maintenance","old":null,"new":true}]'
        )
        await store.close()

    run(story())


def exported(why, at_s):
    return msgspec.structs.replace(asked(why, at_s), why_source="env")


def test_a_why_left_in_the_environment_is_labelled_once_it_is_about_something_else(open_one):
    async def story():
        store = open_one()
        unit = await created(store)

        async def said(asks, verb, maintenance):
            nonlocal unit
            intent = changed(unit, maintenance=maintenance)
            done = await store.commit(asks, verb, "Change shop", [UnitWrite(intent, unit.rev)])
            unit = done.units[0]
            return (await store.changes(SHOP, 1))[0].change.asked.reused_from

        hour_s = 3600.0
        fair = "the fair is on Saturday"
        assert await said(exported(fair, NOON_S), "scale", True) == 0
        assert await said(exported(fair, NOON_S + hour_s), "configure", False) == 0
        assert await said(exported(fair, NOON_S + hour_s + 1), "configure", True) == 2
        assert await said(exported(fair, NOON_S + 9 * hour_s), "scale", False) == 0
        assert await said(asked(fair, NOON_S + 9 * hour_s), "configure", True) == 0
        assert await said(exported("another", NOON_S + 9 * hour_s), "configure", False) == 0
        await store.close()

    run(story())


def test_two_people_who_change_different_fields_never_collide(open_one):
    async def story():
        store = open_one()
        base = await created(store)
        await write(store, base, changed(base, formation=WEB))
        merged = await write(store, base, changed(base, source=Source(DIGEST)))
        assert merged.intent == shop(formation=WEB, source=Source(DIGEST))
        assert (merged.generation, merged.rev) == (3, 3)
        newest = (await store.changes(SHOP))[0]
        assert [t.path for t in newest.touches] == ["source.digest"]
        await store.close()

    run(story())


def test_two_people_who_change_one_field_do_collide(open_one):
    async def story():
        store = open_one()
        base = await created(store, shop(formation=WEB))
        await write(store, base, changed(base, formation={"web": Formation(2, 2)}))
        with pytest.raises(Conflict, match=r"formation.web.max was changed meanwhile by c2"):
            await write(store, base, changed(base, formation={"web": Formation(1, 3)}))
        unit = await store.unit(SHOP)
        assert unit is not None
        assert unit.intent.formation == {"web": Formation(2, 2)}
        await store.close()

    run(story())


def test_min_and_max_set_by_two_people_are_a_conflict_not_a_mixture(open_one):
    async def story():
        store = open_one()
        base = await created(store, shop(formation={"web": Formation(0, 2)}))
        await write(store, base, changed(base, formation={"web": Formation(2, 2)}))
        with pytest.raises(Conflict):
            await write(store, base, changed(base, formation={"web": Formation(0, 1)}))
        await store.close()

    run(story())


def test_a_whole_document_write_minds_any_change(open_one):
    async def story():
        store = open_one()
        base = await created(store)
        await write(store, base, changed(base, formation=WEB))
        with pytest.raises(Conflict, match="it has changed since it was read"):
            await write(store, base, changed(base, source=Source(DIGEST)), whole=True)
        await store.close()

    run(story())


def test_a_write_from_a_revision_that_never_was_is_a_conflict(open_one):
    async def story():
        store = open_one()
        base = await created(store)
        future = msgspec.structs.replace(base, rev=7)
        with pytest.raises(Conflict):
            await write(store, future, changed(base, formation=WEB))
        await store.close()

    run(story())


def test_a_write_to_an_app_destroyed_meanwhile_finds_nothing(open_one):
    async def story():
        store = open_one()
        base = await created(store)
        await write(store, base, changed(base, deleted=True))
        with pytest.raises(NotFound, match="it was destroyed by c2"):
            await write(store, base, changed(base, formation=WEB))
        await store.forget(SHOP)
        with pytest.raises(NotFound):
            await write(store, base, changed(base, formation=WEB))
        await store.close()

    run(story())


def test_only_source_and_config_shape_a_release(open_one):
    async def story():
        store = open_one()
        unit = await created(store)
        assert (unit.source_change, unit.shape_change) == (0, 0)
        unit = await write(store, unit, changed(unit, source=Source(DIGEST)), summary="Deploy a1")
        assert (unit.source_change, unit.shape_change, unit.shape_summary) == (2, 2, "Deploy a1")
        unit = await write(
            store, unit, changed(unit, config={"A": ref()}), {"s-1@1": "x"}, "Set A config vars"
        )
        assert (unit.source_change, unit.shape_change) == (2, 3)
        unit = await write(store, unit, changed(unit, formation=WEB), summary="Scale web to 1")
        assert (unit.last_change, unit.shape_change) == (4, 3)
        assert unit.shape_summary == "Set A config vars"
        await store.close()

    run(story())


def test_the_same_source_deployed_again_is_a_new_source_change(open_one):
    async def story():
        store = open_one()
        unit = await created(store, shop(source=Source(DIGEST)))
        again = await write(store, unit, unit.intent, restated=("source.digest",))
        assert (again.source_change, again.shape_change, again.generation) == (2, 2, 2)
        assert Field("source.digest", 2) in await store.fields(SHOP)
        await store.close()

    run(story())


def test_two_deploys_from_one_revision_are_a_conflict(open_one):
    async def story():
        store = open_one()
        base = await created(store, shop(source=Source(DIGEST)))
        await write(store, base, changed(base, source=Source(OTHER_DIGEST)))
        with pytest.raises(Conflict):
            await write(store, base, changed(base, source=Source(DIGEST, "v2")))
        await store.close()

    run(story())


def test_one_change_may_touch_several_units_or_none(open_one):
    async def story():
        store = open_one()
        unit = await created(store)
        writes = [
            UnitWrite(changed(unit, formation=WEB), unit.rev),
            UnitWrite(shop(id=AppId("second"), name="blog"), None),
        ]
        committed = await store.commit(asked(), "change", "Both", writes)
        assert [u.name for u in committed.units] == ["shop", "blog"]
        assert {c.unit for c in await store.change(committed.change)} == {SHOP, "second"}

        writes[0] = UnitWrite(changed(unit, formation={}), committed.units[0].rev)
        with pytest.raises(Conflict):
            await store.commit(asked(), "change", "Neither", writes)
        kept = await store.unit(SHOP)
        assert kept is not None
        assert kept.intent.formation == WEB
        await store.close()

    run(story())


def test_the_same_idempotency_key_is_the_same_change(open_one):
    async def story():
        store = open_one()

        async def ask(name, key, id=SHOP):
            intent = shop(id=id, name=name)
            return await store.commit(
                asked(key=key), "create", f"Create {name}", [UnitWrite(intent, None)]
            )

        first = await ask("shop", "k1")
        again = await ask("shop", "k1", AppId("would-be-new"))
        assert again == first
        with pytest.raises(Conflict, match="idempotency key was used for another request"):
            await ask("blog", "k1")
        assert len(await store.changes(None)) == 1
        await store.close()

    run(story())


def test_a_change_keeps_who_when_via_and_why(open_one):
    async def story():
        store = open_one()
        why = msgspec.structs.replace(asked("cold starts hurt"), links=("PR #8",))
        await store.commit(why, "create", "Create shop", [UnitWrite(shop(), None)])
        (only,) = await store.changes(SHOP)
        assert only.change.asked == why
        assert (only.change.label, only.change.verb, only.generation) == ("c1", "create", 1)
        await store.close()

    run(story())


def test_secrets_come_back_and_are_nowhere_in_the_clear(open_one):
    async def story():
        store = open_one()
        unit = await created(store)
        config = {"TOKEN": ref(1)}
        await write(store, unit, changed(unit, config=config), {"s-1@1": "hunter2-hunter2"})
        assert await store.reveal(config) == {"TOKEN": "hunter2-hunter2"}
        with pytest.raises(StoreError, match="secret://s-1@v9"):
            await store.reveal({"TOKEN": SecretRef("s-1", 9)})
        told = [*await store.changes(None), *await store.events(0), *await store.units()]
        assert "hunter2" not in repr(told)
        await store.forget(SHOP)
        with pytest.raises(StoreError):
            await store.reveal(config)
        await store.close()

    run(story())


def test_a_secret_no_document_refers_to_is_refused(open_one):
    async def story():
        store = open_one()
        unit = await created(store)
        with pytest.raises(StoreError, match="no document refers to s-9@1"):
            await write(store, unit, changed(unit, formation=WEB), {"s-9@1": "x"})
        assert len(await store.changes(None)) == 1
        await store.close()

    run(story())


def test_events_are_gapless_after_refused_writes(open_one):
    async def story():
        store = open_one()
        await created(store)
        for n in range(3):
            with pytest.raises(Conflict):
                await created(store, shop(id=AppId(f"x{n}")))
        await created(store, shop(id=AppId("b"), name="blog"))
        assert [e.cursor for e in await store.events(0)] == [1, 2]
        assert [e.cursor for e in await store.events(1)] == [2]
        assert len(await store.events(0, limit=1)) == 1
        await store.close()

    run(story())
