"""What can be seen: apps, dynos, releases, changes, values."""

import msgspec
import pytest

from setpoint.intents import apps as ask_apps
from setpoint.intents import config as ask_config
from setpoint.intents import deploys, keys
from setpoint.model.app import Formation
from setpoint.model.change import Actor
from setpoint.model.condition import Condition, ConditionType
from setpoint.model.errors import Forbidden, NotFound
from setpoint.model.ids import Digest, Fence, InstanceId, SetKey
from setpoint.model.observed import StatusSummary
from setpoint.model.process import Bounds, Exit, Instance, Phase, SetFacts
from setpoint.model.release import ProcessType
from setpoint.model.route import Backend, Route, RouteFacts
from setpoint.store.port import Status, UnitWrite
from setpoint.views import apps, changes, dynos, releases, secrets
from tests.support.doors import in_office
from tests.support.memory import DEV, DIGEST, NOON_S, asked, build, slug

READER = Actor("eve", "eve@example.com", "read")


async def shop(office, *processes):
    """'shop' with release v1."""
    await ask_apps.create(office.door, asked(), "shop")
    await office.store.record_source(DIGEST, 1, NOON_S)
    unit = await deploys.deploy(office.door, asked(), "shop", DIGEST)
    made = msgspec.structs.replace(build(slug=slug(*processes)), app=unit.id)
    await office.store.cut_release(
        unit.id, made, unit.intent.config, unit.shape_summary, unit.shape_change, NOON_S
    )
    return unit


def facts(unit, *instances, **fields):
    key = SetKey(unit.id, "web", Digest("d" * 64))
    return SetFacts(
        key=key, fence=Fence(1, 1), bounds=Bounds(1, 2), release=1, instances=instances, **fields
    )


def route(unit, *hosts):
    key = SetKey(unit.id, "web", Digest("d" * 64))
    backends = (Backend(hosts, "web", "web", key), Backend(("idle.localhost",), "web", "x", None))
    return RouteFacts(Route(unit.id, unit.name, backends, Fence(1, 1)), acked=True)


async def saw(office, unit, conditions=(), at_s=NOON_S, **summary):
    body = msgspec.json.encode(StatusSummary(**summary))
    status = Status(unit.generation, conditions, body, at_s)
    await office.store.end_pass([], unit.id, status, at_s)


def condition(type_, status, message=""):
    return Condition(type_, status, "Reason", message)


def test_a_list_tells_name_release_and_state_of_each_app():
    async def story(office):
        await shop(office)
        await ask_apps.create(office.door, asked(), "blog")
        blog, shop_line = await apps.apps(office.store, READER)
        assert (blog.name, blog.release, blog.state) == ("blog", 0, "new")
        assert (shop_line.name, shop_line.release) == ("shop", 1)

    in_office(story)


@pytest.mark.parametrize(
    ("conditions", "state"),
    [
        ([condition(ConditionType.PROGRESSING, False)], ("settled", "")),
        ([condition(ConditionType.PROGRESSING, True, "v1 starts")], ("converging", "v1 starts")),
        (
            [
                condition(ConditionType.PROGRESSING, True),
                condition(ConditionType.STALLED, True, "fix requirements.txt"),
            ],
            ("stalled", "fix requirements.txt"),
        ),
    ],
)
def test_one_word_says_how_an_app_is(conditions, state):
    async def story(office):
        unit = await shop(office)
        await saw(office, unit, tuple(conditions))
        info = await apps.info(office.store, READER, "shop", 8080, NOON_S)
        assert (info.state, info.message) == state

    in_office(story)


def test_conditions_of_an_older_generation_say_nothing_about_the_newest():
    async def story(office):
        unit = await shop(office)
        await saw(office, unit, (condition(ConditionType.STALLED, True, "old news"),))
        await ask_config.patch(office.door, asked(), "shop", {"A": "1"})
        info = await apps.info(office.store, READER, "shop", 8080, NOON_S)
        assert (info.state, info.message) == ("converging", "")
        assert info.observed_generation < info.generation

    in_office(story)


def test_info_tells_urls_that_lead_somewhere_formation_config_keys_and_age():
    async def story(office):
        types = (ProcessType("web", "web"), ProcessType("worker", "worker"))
        unit = await shop(office, *types)
        await ask_config.patch(office.door, asked(), "shop", {"B": "secret-b", "A": "secret-a"})
        await saw(office, unit, route=route(unit, "shop.localhost"))
        info = await apps.info(office.store, READER, "shop", 8080, NOON_S + 9)
        assert info.urls == ("http://shop.localhost:8080",)
        assert info.formation == {"web": "1", "worker": "0"}
        assert (info.config_keys, info.seen_s_ago) == (("A", "B"), 9.0)
        assert b"secret-" not in msgspec.json.encode(info)
        plain = await apps.info(office.store, READER, "shop", 80, NOON_S)
        assert plain.urls == ("http://shop.localhost",)

    in_office(story)


def test_an_app_nobody_looked_at_yet_has_no_age_and_no_urls():
    async def story(office):
        await ask_apps.create(office.door, asked(), "shop")
        info = await apps.info(office.store, READER, "shop", 8080, NOON_S)
        seen = await dynos.dynos(office.store, READER, "shop", NOON_S)
        assert (info.urls, info.seen_s_ago, info.release) == ((), None, 0)
        assert (seen.dynos, seen.seen_s_ago) == ((), None)

    in_office(story)


def test_a_summary_that_cannot_be_read_is_as_good_as_none():
    async def story(office):
        unit = await shop(office)
        status = Status(unit.generation, (), b'{"sets": 7}', NOON_S)
        await office.store.end_pass([], unit.id, status, NOON_S)
        seen = await dynos.dynos(office.store, READER, "shop", NOON_S + 1)
        assert (seen.dynos, seen.seen_s_ago) == ((), 1.0)

    in_office(story)


def test_dynos_are_named_as_on_heroku_and_the_gone_are_left_out():
    async def story(office):
        unit = await shop(office)
        instances = (
            Instance(InstanceId("web.1-aa"), 1, Phase.READY, NOON_S, NOON_S + 1),
            Instance(InstanceId("web.2-bb"), 2, Phase.STARTING, NOON_S),
            Instance(InstanceId("web.3-cc"), 3, Phase.DRAINING, NOON_S),
            Instance(InstanceId("web.4-dd"), 4, Phase.GONE, NOON_S),
        )
        crashed = facts(unit, *instances, crashes=2, last_exit=Exit(1, NOON_S))
        await saw(office, unit, sets=(crashed,))
        seen = await dynos.dynos(office.store, READER, "shop", NOON_S + 5)
        assert [(d.name, d.state) for d in seen.dynos] == [
            ("web.1", "up"),
            ("web.2", "starting"),
            ("web.3", "stopping"),
        ]
        (only,) = seen.sets
        assert (only.bounds, only.ready, only.message) == ("1..2", 1, "exited with code 1")
        assert seen.seen_s_ago == 5.0

    in_office(story)


def test_an_end_that_was_asked_for_is_no_message():
    async def story(office):
        unit = await shop(office)
        stopped = facts(unit, last_exit=Exit(0, NOON_S, expected=True))
        await saw(office, unit, sets=(stopped,))
        seen = await dynos.dynos(office.store, READER, "shop", NOON_S)
        assert seen.sets[0].message == ""

    in_office(story)


def test_releases_tell_who_and_which_one_serves():
    async def story(office):
        unit = await shop(office)
        await office.store.settle_release(unit.id, 1, True, "")
        unit = await ask_config.patch(office.door, asked(), "shop", {"A": "1"})
        made = msgspec.structs.replace(build(), app=unit.id)
        await office.store.cut_release(
            unit.id, made, unit.intent.config, unit.shape_summary, unit.shape_change, NOON_S
        )
        newest, first = await releases.releases(office.store, READER, "shop")
        assert (newest.label, newest.description) == ("v2", "Set A config vars")
        assert (newest.current, first.current) == (False, True)
        assert (first.by, first.processes) == ("dev@example.com", ("web",))

    in_office(story)


def test_changes_of_one_app_and_of_all():
    async def story(office):
        await ask_apps.create(office.door, asked(), "shop")
        await ask_apps.create(office.door, asked(), "blog")
        every = await changes.changes(office.store, READER)
        (only,) = await changes.changes(office.store, READER, "blog")
        assert [c.change.label for c in every] == ["c2", "c1"]
        assert only == every[0]

    in_office(story)


def test_values_are_shown_to_who_may_write_and_to_nobody_else():
    async def story(office):
        await ask_apps.create(office.door, asked(), "shop")
        await ask_config.patch(office.door, asked(), "shop", {"B": "2", "A": "1"})
        assert list((await secrets.config(office.store, DEV, "shop")).items()) == [
            ("A", "1"),
            ("B", "2"),
        ]
        key = await secrets.invoke_key(office.store, DEV, "shop")
        await keys.rotate(office.door, asked(), "shop")
        assert key != await secrets.invoke_key(office.store, DEV, "shop")
        for view in (secrets.config, secrets.invoke_key):
            with pytest.raises(Forbidden):
                await view(office.store, READER, "shop")

    in_office(story)


@pytest.mark.parametrize(
    "look",
    [
        lambda store: apps.info(store, READER, "nope", 8080, NOON_S),
        lambda store: dynos.dynos(store, READER, "nope", NOON_S),
        lambda store: releases.releases(store, READER, "nope"),
        lambda store: changes.changes(store, READER, "nope"),
    ],
)
def test_what_is_not_there_is_said_in_one_wording(look):
    async def story(office):
        with pytest.raises(NotFound, match="cannot see 'nope': no such app"):
            await look(office.store)

    in_office(story)


def test_an_app_that_is_being_destroyed_can_still_be_seen():
    async def story(office):
        await ask_apps.create(office.door, asked(), "shop")
        await ask_apps.destroy(office.door, asked(), "shop", "shop")
        info = await apps.info(office.store, READER, "shop", 8080, NOON_S)
        assert info.state == "destroying"

    in_office(story)


def test_formation_said_wins_over_the_default():
    async def story(office):
        unit = await shop(office)
        intent = msgspec.structs.replace(unit.intent, formation={"web": Formation(0, 2)})
        await office.store.commit(asked(), "scale", "x", [UnitWrite(intent, unit.rev)])
        info = await apps.info(office.store, READER, "shop", 8080, NOON_S)
        assert info.formation == {"web": "0..2"}

    in_office(story)
