"""Routes and facts kept piecewise come to the same as everything projected at once."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.drivers.envoy.memory import TOMBSTONES_MAX, Memory
from setpoint.drivers.envoy.snapshot import Snapshot
from setpoint.drivers.envoy.table import Table
from setpoint.formats.control import DropRoute, SetRoute
from setpoint.formats.envoy.limits import Limits
from setpoint.formats.envoy.project import project
from setpoint.formats.envoy.resource import Kind, Resource
from setpoint.model.errors import Stale, Terminal, Transient
from setpoint.model.ids import AppId, Digest, Fence, InstanceId, SetKey
from setpoint.model.process import Bounds, Endpoint, Instance, Phase, SetFacts
from setpoint.model.route import Backend, Route

LIMITS = Limits()


def pack(resource: Resource) -> bytes:
    return msgspec.json.encode(resource.body)


def key(app: str, n: int = 1) -> SetKey:
    return SetKey(AppId(app), "web", Digest(str(n) * 64))


def message(app: str, *hosts: str, generation: int = 1, target: SetKey | None = None) -> SetRoute:
    backend = Backend(hosts or (f"{app}.x",), "web", "web", target)
    return SetRoute(Route(AppId(app), app, (backend,), Fence(1, generation)))


def facts(of: SetKey, phase: Phase = Phase.READY) -> SetFacts:
    endpoint = Endpoint("veth", "10.0.0.2", 5000)
    instances = (Instance(InstanceId("web.1-x"), 1, phase, 0.0, endpoint=endpoint),)
    return SetFacts(of, Fence(1, 1), Bounds(1, 1), 1, instances)


def table() -> Table:
    return Table(Snapshot(pack), LIMITS)


def names(made: Table, kind: Kind) -> set[str]:
    return set(made.snapshot.items[kind])


def test_an_older_route_is_refused_and_the_same_one_again_is_nothing() -> None:
    made = table()
    assert made.set_route(message("a", generation=3))
    assert made.set_route(message("a", generation=3)) == set()
    with pytest.raises(Stale, match=r"generation 1\.2 is older than 1\.3"):
        made.set_route(message("a", generation=2))
    with pytest.raises(Stale):
        made.drop_route(DropRoute(AppId("a"), Fence(1, 2)))


def test_a_dropped_route_is_gone_and_its_fence_stays() -> None:
    made = table()
    made.set_route(message("a"))
    made.drop_route(DropRoute(AppId("a"), Fence(1, 5)))
    assert names(made, Kind.HOST) == set()
    assert made.drop_route(DropRoute(AppId("a"), Fence(1, 5))) == set()
    with pytest.raises(Stale):
        made.set_route(message("a", generation=4))


def test_a_host_of_another_app_is_not_given_away() -> None:
    made = table()
    made.set_route(message("a", "shared.x"))
    with pytest.raises(Transient, match=r"shared\.x still belongs to a"):
        made.set_route(message("b", "shared.x"))
    assert AppId("b") not in made.entries
    made.drop_route(DropRoute(AppId("a"), Fence(1, 2)))
    made.set_route(message("b", "shared.x"))
    assert made.owners["shared.x"] == "b"


def test_of_two_that_trade_hosts_each_can_let_go_first() -> None:
    made = table()
    made.set_route(message("a", "a.x", "one.x"))
    made.set_route(message("b", "b.x", "two.x"))
    wanted = message("a", "a.x", "two.x", generation=2)
    with pytest.raises(Transient):
        made.set_route(wanted)
    less = made.letting_go(wanted)
    assert less is not None
    made.set_route(less)
    assert made.letting_go(wanted) is None
    made.set_route(message("b", "b.x", "one.x", generation=2))
    made.set_route(wanted)
    assert {h: made.owners[h] for h in ("one.x", "two.x")} == {"one.x": "b", "two.x": "a"}


def test_a_host_that_moved_is_not_taken_down_by_who_had_it() -> None:
    made = table()
    made.set_route(message("a", "one.x"))
    made.set_route(message("a", "two.x", generation=2))
    made.set_route(message("b", "one.x"))
    made.drop_route(DropRoute(AppId("a"), Fence(1, 3)))
    assert names(made, Kind.HOST) == {"one.x"}


def test_a_malformed_route_changes_nothing() -> None:
    made = table()
    with pytest.raises(Terminal, match="is not a host name"):
        made.set_route(message("a", "*"))
    assert (made.entries, made.fences) == ({}, {})


def test_facts_change_only_the_routes_that_use_them() -> None:
    made = table()
    made.set_route(message("a", target=key("a")))
    made.set_route(message("b", target=key("b")))
    changed = made.set_facts(key("a"), facts(key("a")))
    assert {name for kind, name in changed if kind is Kind.HOST} == {"a.x"}


Step = tuple[str, Any]
steps = st.one_of(
    st.tuples(
        st.just("route"),
        st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(0, 2)),
    ),
    st.tuples(st.just("drop"), st.sampled_from("ab")),
    st.tuples(
        st.just("facts"),
        st.tuples(st.sampled_from("ab"), st.integers(1, 2), st.sampled_from(Phase)),
    ),
    st.tuples(st.just("gone"), st.tuples(st.sampled_from("ab"), st.integers(1, 2))),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(steps, max_size=25))
def test_piecewise_and_whole_come_to_the_same(story: list[Step]) -> None:
    made = table()
    for generation, step in enumerate(story, 1):
        apply(made, step, generation)
    whole = project((e.message for e in made.entries.values()), made.facts, LIMITS)
    expected = {(r.kind, r.name): pack(r) for r in whole}
    items = made.snapshot.items
    assert {(k, n): i.packed for k, v in items.items() for n, i in v.items()} == expected
    in_use = {
        host for e in made.entries.values() for b in e.message.route.backends for host in b.hosts
    }
    assert set(made.owners) == in_use


def apply(made: Table, step: Step, generation: int) -> None:
    match step:
        case "route", (app, host, n):
            target = key(app, n) if n else None
            try:
                made.set_route(message(app, f"{host}.x", generation=generation, target=target))
            except Transient:
                assert made.owners[f"{host}.x"] != app
        case "drop", app:
            made.drop_route(DropRoute(AppId(app), Fence(1, generation)))
        case "facts", (app, n, phase):
            made.set_facts(key(app, n), facts(key(app, n), phase))
        case _, (app, n):
            made.set_facts(key(app, n), None)


# --- on disk ----------------------------------------------------------------------------------


def test_what_was_remembered_is_there_again(tmp_path: Any) -> None:
    memory = Memory(tmp_path)
    asked = SetRoute(message("a").route, None, "k-1")
    memory.keep(asked)
    memory.keep(message("b"))
    memory.keep(DropRoute(AppId("b"), Fence(1, 2)))
    memory.keep_facts([facts(key("a"))])
    again = Memory(tmp_path)
    assert again.routes() == ([asked], [DropRoute(AppId("b"), Fence(1, 2))])
    assert again.facts() == (facts(key("a")),)
    assert (tmp_path / "a.route").stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_read_is_left_out_and_forgotten(tmp_path: Any) -> None:
    (tmp_path / "a.route").write_bytes(b"{")
    (tmp_path / "facts.json").write_bytes(b"")
    memory = Memory(tmp_path)
    assert memory.routes() == ([], [])
    assert memory.facts() == ()
    assert not (tmp_path / "a.route").exists()


def test_tombstones_are_bounded(tmp_path: Any) -> None:
    memory = Memory(tmp_path)
    for n in range(TOMBSTONES_MAX + 5):
        memory.keep(DropRoute(AppId(f"app-{n}"), Fence(1, 1)))
    assert len(memory.routes()[1]) == TOMBSTONES_MAX
    assert len(list(tmp_path.iterdir())) == TOMBSTONES_MAX
