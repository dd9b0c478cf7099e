"""The hot set on its own clock: what Envoy is to have of a function as it sleeps and is called."""

from collections.abc import Callable

import msgspec

from setpoint.drivers.envoy.hot import HotSet
from setpoint.drivers.envoy.snapshot import Name, Snapshot
from setpoint.drivers.envoy.table import Table
from setpoint.formats.control import SetRoute
from setpoint.formats.envoy.clusters import cluster_name
from setpoint.formats.envoy.hosts import HOLD_CONTEXT
from setpoint.formats.envoy.limits import Limits
from setpoint.formats.envoy.resource import Kind, Resource
from setpoint.model.ids import AppId, Digest, Fence, InstanceId, SetKey
from setpoint.model.process import Bounds, Endpoint, Instance, Phase, SetFacts
from setpoint.model.route import Backend, Route

LEAVING_S = 60.0


def pack(resource: Resource) -> bytes:
    return msgspec.json.encode(resource.body)


class Moment:
    """A timer of `Clock`'s."""

    def __init__(self, at_s: float, then: Callable[[], None]) -> None:
        self.at_s, self.then, self.over = at_s, then, False

    def cancel(self) -> None:
        self.over = True


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0
        self.moments: list[Moment] = []

    def later(self, after_s: float, then: Callable[[], None]) -> Moment:
        moment = Moment(self.now_s + after_s, then)
        self.moments.append(moment)
        return moment

    def pass_s(self, seconds: float) -> None:
        self.now_s += seconds
        for moment in self.moments:
            if not moment.over and moment.at_s <= self.now_s:
                moment.over = True
                moment.then()


class Scene:
    def __init__(self, most: int) -> None:
        limits = Limits(hot_functions=most, leaving_s=LEAVING_S)
        self.table = Table(Snapshot(pack), limits)
        self.clock = Clock()
        self.told: set[Name] = set()
        self.hot = HotSet(
            self.table, self.told.update, limits, lambda: self.clock.now_s, self.clock.later
        )

    def route(self, name: str) -> SetKey:
        key = SetKey(AppId(name), "hello", Digest("a" * 64))
        backend = Backend((f"{name}.x",), "function", "hello", key, hold=True, keyed=True)
        self.table.set_route(SetRoute(Route(key.app, name, (backend,), Fence(1, 1)), None, "k"))
        return key

    def seen(self, key: SetKey, *, live: bool, used_s: float = 0.0, least: int = 0) -> None:
        instance = Instance(InstanceId("hello.1-x"), 1, Phase.READY, 0.0)
        facts = SetFacts(
            *(key, Fence(1, 1), Bounds(least, 1), 1),
            (instance,) if live else (),
            last_used_s=used_s,
            socket=Endpoint("pipe", f"/run/{key.app}.sock"),
        )
        self.hot.facts(key, facts)

    def function(self, name: str) -> SetKey:
        """One that has run, and sleeps since now."""
        key = self.route(name)
        self.seen(key, live=True)
        self.seen(key, live=False, used_s=self.clock.now_s)
        self.clock.pass_s(1.0)
        return key

    def clusters(self) -> set[str]:
        return set(self.table.snapshot.items[Kind.CLUSTER])

    def asks(self, key: SetKey) -> bool:
        """Do its hosts ask before they send anything on?"""
        item = self.table.snapshot.get(Kind.HOST, f"{key.app}.x")
        assert item is not None
        return HOLD_CONTEXT.encode() in item.packed and b"check_settings" in item.packed


def test_as_many_as_there_are_places_keep_their_clusters() -> None:
    scene = Scene(2)
    a, b = scene.function("a"), scene.function("b")
    scene.clock.pass_s(1e6)
    assert scene.clusters() == {cluster_name(a), cluster_name(b)}
    assert not scene.asks(a)


def test_the_one_used_longest_ago_asks_first_and_then_loses_its_cluster() -> None:
    scene = Scene(1)
    a, b = scene.function("a"), scene.function("b")
    assert (scene.asks(a), scene.asks(b)) == (True, False)
    assert cluster_name(a) in scene.clusters()
    scene.clock.pass_s(LEAVING_S)
    assert scene.clusters() == {cluster_name(b)}
    assert {(Kind.HOST, "a.x"), (Kind.CLUSTER, cluster_name(a))} <= scene.told


def test_one_that_is_waited_for_has_its_cluster_again_and_drives_nobody_out_yet() -> None:
    scene = Scene(1)
    a, b = scene.function("a"), scene.function("b")
    scene.clock.pass_s(LEAVING_S)
    scene.hot.wanted(a, 1)
    assert (scene.asks(a), scene.asks(b)) == (False, False)
    scene.seen(a, live=True)
    scene.hot.wanted(a, 0)
    assert scene.clusters() == {cluster_name(a), cluster_name(b)}
    scene.seen(a, live=False, used_s=scene.clock.now_s)
    assert (scene.asks(a), scene.asks(b)) == (False, True)


def test_one_on_its_way_out_that_is_waited_for_has_lost_nothing() -> None:
    scene = Scene(1)
    a = scene.function("a")
    scene.function("b")
    scene.told.clear()
    scene.hot.wanted(a, 1)
    assert scene.told == {(Kind.HOST, "a.x")}


def test_one_that_was_let_through_keeps_its_cluster_until_it_is_seen_to_run() -> None:
    """Its caller is on the way to the socket, and nothing is known of that yet."""
    scene = Scene(0)
    a = scene.function("a")
    scene.clock.pass_s(LEAVING_S)
    assert scene.clusters() == set()
    scene.hot.wanted(a, 1)
    scene.hot.wanted(a, 0)
    assert cluster_name(a) in scene.clusters()
    scene.clock.pass_s(1.0)
    scene.seen(a, live=True)
    scene.clock.pass_s(1e6)
    assert cluster_name(a) in scene.clusters()


def test_what_runs_or_is_meant_to_run_counts_for_nothing() -> None:
    scene = Scene(0)
    a, b = scene.route("a"), scene.route("b")
    scene.seen(a, live=True)
    scene.seen(b, live=False, least=1)
    scene.clock.pass_s(1e6)
    assert scene.clusters() == {cluster_name(a), cluster_name(b)}


def test_one_that_is_meant_to_run_from_now_on_comes_in() -> None:
    scene = Scene(0)
    a = scene.function("a")
    scene.clock.pass_s(LEAVING_S)
    scene.seen(a, live=False, least=1)
    assert scene.clusters() == {cluster_name(a)}


def test_a_request_of_which_the_load_report_tells_counts_as_use() -> None:
    scene = Scene(2)
    a, b = scene.function("a"), scene.function("b")
    scene.hot.used(a)
    scene.function("c")
    assert (scene.asks(a), scene.asks(b)) == (False, True)


def test_what_sleeps_as_it_is_met_and_finds_no_place_begins_outside() -> None:
    """After a restart of the agent, thousands of clusters are not made to be taken away."""
    scene = Scene(1)
    a, b = scene.route("a"), scene.route("b")
    scene.seen(a, live=False, used_s=9.0)
    scene.seen(b, live=False, used_s=5.0)
    assert scene.clusters() == {cluster_name(a)}
    assert (scene.asks(a), scene.asks(b)) == (False, True)


def test_a_set_that_is_gone_leaves_nothing_behind() -> None:
    scene = Scene(1)
    a, b = scene.function("a"), scene.function("b")
    for key in (a, b):
        scene.hot.facts(key, None)
    scene.clock.pass_s(LEAVING_S)
    assert scene.clusters() == set()
    assert (scene.table.places, scene.table.shown) == ({}, {})
