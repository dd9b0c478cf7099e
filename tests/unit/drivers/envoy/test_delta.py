"""What one Envoy is sent, in which order, and what a refusal costs."""

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.drivers.envoy.delta import Answer, Ask, Delta
from setpoint.drivers.envoy.snapshot import Snapshot
from setpoint.formats.envoy.resource import Kind, Resource

APPS = ("a", "b", "c")
State = str
"""of one app: 'gone', 'cold', or the number of the set that serves it"""


def pack(resource: Resource) -> bytes:
    return repr((resource.name, resource.body)).encode()


def resources(app: str, state: State, empty: tuple[str, ...] = ()) -> list[Resource]:
    """An app in this state; `empty`: sets of it that still drain."""
    found: list[Resource] = []
    sets = {*empty} | ({state} if state.isdigit() else set())
    for number in sorted(sets):
        name = f"{app}{number}"
        none = number in empty and number != state
        found.append(Resource(Kind.CLUSTER, name, {}))
        found.append(Resource(Kind.ENDPOINTS, name, {"none": none}, empty=none))
    if state != "gone":
        needs = f"{app}{state}" if state.isdigit() else ""
        found.append(Resource(Kind.HOST, app, {"needs": needs}, needs=needs))
    return found


class Envoy:
    """A little Envoy: applies answers one by one, and checks that none of them breaks a host."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.bad: set[str] = set()
        self.has: dict[Kind, dict[str, str]] = {kind: {} for kind in Kind}
        self.needs: dict[str, str] = {}
        self.full: set[str] = set()
        self.strict = True
        self.connect()

    def connect(self) -> None:
        self.delta = Delta(self.snapshot)
        self.answers: deque[Answer] = deque()
        names = tuple(self.has[Kind.CLUSTER])
        self.asks = deque(
            [
                Ask(Kind.CLUSTER, held=dict(self.has[Kind.CLUSTER])),
                Ask(Kind.ENDPOINTS, subscribe=names, held=dict(self.has[Kind.ENDPOINTS])),
                Ask(Kind.HOST, held=dict(self.has[Kind.HOST])),
            ]
        )

    def step(self) -> bool:
        """One message, either way. False when nothing is left to do."""
        self.answers.extend(self.delta.answers())
        if self.asks:
            self.delta.ask(self.asks.popleft())
        elif self.answers:
            self.apply(self.answers.popleft())
        else:
            return False
        return True

    def settle(self) -> None:
        for _ in range(10_000):
            if not self.step():
                return
        raise AssertionError("it never comes to rest")

    def apply(self, answer: Answer) -> None:
        if self.bad & {item.name for item in answer.items}:
            self.asks.append(Ask(answer.kind, nonce=answer.nonce, error="bad"))
            return
        for item in answer.items:
            self.take(answer.kind, item.name, item.needs, empty=item.empty)
            self.has[answer.kind][item.name] = item.version
        for name in answer.removed:
            self.lose(answer.kind, name)
            self.has[answer.kind].pop(name, None)
        self.asks.append(Ask(answer.kind, nonce=answer.nonce))
        if answer.kind is Kind.CLUSTER:
            names = tuple(item.name for item in answer.items)
            self.asks.append(Ask(Kind.ENDPOINTS, subscribe=names, unsubscribe=answer.removed))
            for name in answer.removed:
                self.has[Kind.ENDPOINTS].pop(name, None)

    def take(self, kind: Kind, name: str, needs: str, *, empty: bool) -> None:
        if kind is Kind.HOST:
            self.needs[name] = needs
            whole = needs in self.has[Kind.CLUSTER] and needs in self.full
            assert not needs or whole or not self.strict, f"{name} points at nothing: {needs}"
        if kind is Kind.ENDPOINTS:
            assert not (empty and self.pointed_at(name)), f"{name} emptied under a host"
            (self.full.discard if empty else self.full.add)(name)

    def lose(self, kind: Kind, name: str) -> None:
        if kind is Kind.HOST:
            self.needs.pop(name, None)
        if kind is Kind.CLUSTER:
            assert not self.pointed_at(name), f"{name} removed under a host"
            self.full.discard(name)

    def pointed_at(self, cluster: str) -> bool:
        return self.strict and cluster in self.needs.values()


class World:
    def __init__(self) -> None:
        self.snapshot = Snapshot(pack)
        self.owned: dict[str, list[Resource]] = {}
        self.envoy = Envoy(self.snapshot)

    def set(self, app: str, state: State, empty: tuple[str, ...] = ()) -> None:
        before = [(r.kind, r.name) for r in self.owned.get(app, [])]
        self.owned[app] = resources(app, state, empty)
        self.envoy.delta.changed(self.snapshot.replace(before, self.owned[app]))

    def held(self) -> dict[Kind, dict[str, str]]:
        return self.envoy.has

    def wanted(self) -> dict[Kind, dict[str, str]]:
        return {k: {n: i.version for n, i in v.items()} for k, v in self.snapshot.items.items()}


changes = st.tuples(
    st.sampled_from(APPS),
    st.sampled_from(["gone", "cold", "1", "2"]),
    st.sampled_from([(), ("1",), ("2",), ("1", "2")]),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(changes, st.integers(1, 9), st.just("reconnect")), max_size=30))
def test_no_order_of_events_points_a_host_at_nothing_or_leaves_one_out(
    events: list[object],
) -> None:
    world = World()
    for event in events:
        if event == "reconnect":
            world.envoy.connect()
        elif isinstance(event, int):
            for _ in range(event):
                world.envoy.step()
        else:
            world.set(*event)  # type: ignore[misc]
    world.envoy.settle()
    assert world.held() == world.wanted()


def test_a_reconnected_envoy_is_sent_only_what_differs() -> None:
    world = World()
    world.set("a", "1")
    world.envoy.settle()
    world.envoy.connect()
    while world.envoy.asks:
        world.envoy.delta.ask(world.envoy.asks.popleft())
    sent = [name for answer in world.envoy.delta.answers() for name in answer.items]
    assert sent == []


def test_after_a_reconnect_hosts_still_protect_what_they_point_at() -> None:
    world = World()
    world.set("a", "1")
    world.envoy.settle()
    world.envoy.connect()
    world.set("a", "cold", ("1",))
    world.envoy.settle()
    assert world.held() == world.wanted()


def test_a_refused_resource_is_found_and_the_others_are_sent_alone() -> None:
    world = World()
    world.envoy.settle()
    world.envoy.bad = {"b"}
    for app in APPS:
        world.set(app, "cold")
    world.envoy.settle()
    assert set(world.held()[Kind.HOST]) == {"a", "c"}
    assert world.envoy.delta.refusal(Kind.HOST, "b") == "bad"
    assert not world.envoy.delta.confirmed(Kind.HOST, "b")
    assert world.envoy.delta.confirmed(Kind.HOST, "a")


def test_a_refused_version_is_not_tried_again_but_the_next_one_is() -> None:
    world = World()
    world.envoy.settle()
    world.envoy.bad = {"b"}
    world.set("b", "cold")
    world.envoy.settle()
    world.envoy.delta.changed([(Kind.HOST, "b")])
    assert world.envoy.delta.answers() == []
    world.envoy.bad = set()
    world.set("b", "1")
    world.envoy.settle()
    assert world.held() == world.wanted()
    assert world.envoy.delta.refusal(Kind.HOST, "b") == ""


def test_a_refused_cluster_does_not_keep_its_host_back_for_ever() -> None:
    world = World()
    world.envoy.settle()
    world.envoy.strict = False
    world.envoy.bad = {"a1"}
    world.set("a", "1")
    world.envoy.settle()
    assert "a" in world.held()[Kind.HOST]


def test_a_changed_cluster_gets_its_endpoints_again() -> None:
    """It warms anew and waits for them, but does not ask."""
    world = World()
    world.set("a", "1")
    world.envoy.settle()
    changed = [Resource(Kind.CLUSTER, "a1", {"new": 1})]
    world.envoy.delta.changed(world.snapshot.replace((), changed))
    [cluster] = world.envoy.delta.answers()
    world.envoy.delta.ask(Ask(Kind.CLUSTER, nonce=cluster.nonce))
    [endpoints] = world.envoy.delta.answers()
    assert [item.name for item in endpoints.items] == ["a1"]


def test_a_name_nobody_knows_is_answered_as_gone() -> None:
    delta = Delta(Snapshot(pack))
    delta.ask(Ask(Kind.ENDPOINTS, subscribe=("nothing",)))
    [answer] = delta.answers()
    assert (answer.items, answer.removed) == ((), ("nothing",))


def test_the_first_wildcard_request_is_answered_even_when_there_is_nothing() -> None:
    delta = Delta(Snapshot(pack))
    delta.ask(Ask(Kind.CLUSTER))
    assert [a.kind for a in delta.answers()] == [Kind.CLUSTER]
    assert delta.answers() == []


def test_hosts_are_first_told_all_at_once() -> None:
    """Envoy opens its port after them: one that is missing would be a 404."""
    world = World()
    world.set("a", "1")
    delta = Delta(world.snapshot)
    delta.ask(Ask(Kind.HOST))
    assert delta.answers() == []
    delta.ask(Ask(Kind.CLUSTER))
    [clusters] = delta.answers()
    delta.ask(Ask(Kind.CLUSTER, nonce=clusters.nonce))
    delta.ask(Ask(Kind.ENDPOINTS, subscribe=("a1",)))
    [endpoints] = delta.answers()
    delta.ask(Ask(Kind.ENDPOINTS, nonce=endpoints.nonce))
    [hosts] = delta.answers()
    assert [item.name for item in hosts.items] == ["a"]
