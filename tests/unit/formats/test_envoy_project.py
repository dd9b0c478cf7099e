"""What Envoy is told about routes, sets and the world around them."""

import importlib
from typing import Any

import msgspec
import pytest
from google.protobuf import json_format

from setpoint.drivers.envoy.wire import pack
from setpoint.formats.control import SetRoute
from setpoint.formats.envoy.bootstrap import EdgePlace, bootstrap
from setpoint.formats.envoy.clusters import cluster_name, endpoints, project_set
from setpoint.formats.envoy.hosts import project_route, treatment
from setpoint.formats.envoy.limits import Limits
from setpoint.formats.envoy.local_replies import mappers
from setpoint.formats.envoy.project import fault, project
from setpoint.formats.envoy.replies import ALL, BY_LABEL, FUNCTION_ENDED, FUNCTION_TIMEOUT
from setpoint.formats.envoy.resource import Kind, Resource
from setpoint.model.ids import AppId, Digest, Fence, InstanceId, SetKey
from setpoint.model.process import Bounds, Endpoint, Instance, Phase, SetFacts
from setpoint.model.route import Backend, Route
from setpoint.workers.python_function import serve

APP = AppId("5f0c0000-0000-4000-8000-000000000001")
WEB = SetKey(APP, "web", Digest("a" * 64))
HELLO = SetKey(APP, "hello", Digest("b" * 64))
VETH = Endpoint("veth", "10.0.0.2", 5000)
PIPE = Endpoint("pipe", "/run/fn/hello.sock")
LIMITS = Limits()


def instance(phase: Phase, endpoint: Endpoint | None = VETH, ordinal: int = 1) -> Instance:
    return Instance(InstanceId(f"web.{ordinal}-x"), ordinal, phase, 0.0, endpoint=endpoint)


def facts(*instances: Instance, key: SetKey = WEB, **fields: Any) -> SetFacts:
    made = SetFacts(key, Fence(1, 1), Bounds(1, 1), 1, instances)
    return msgspec.structs.replace(made, **fields)


def backend(**fields: Any) -> Backend:
    return Backend(
        **{"hosts": ("s.localhost",), "kind": "web", "process": "web", "target": WEB} | fields
    )


def route(*backends: Backend) -> Route:
    return Route(APP, "shop", backends, Fence(1, 1))


def routes_of(host: Resource) -> list[Any]:
    [virtual_host] = host.body["route_configuration"]["virtual_hosts"]
    return virtual_host["routes"]


READY = facts(instance(Phase.READY))
STARTING = facts(instance(Phase.STARTING, None))


@pytest.mark.parametrize(
    ("given", "seen", "expected"),
    [
        (backend(target=None), None, "no_process"),
        (backend(), None, "hold"),
        (backend(), READY, "serve"),
        (backend(), STARTING, "hold"),
        (backend(hold=True), facts(), "hold"),
        (backend(), facts(), "hold"),
        (backend(), facts(crashes=1), "crashed"),
        (backend(hold=True), facts(crashes=1), "hold"),
        (backend(), facts(instance(Phase.STARTING, None), crashes=3), "hold"),
        (backend(), facts(gave_up=True), "crashed"),
        (backend(hold=True), facts(gave_up=True), "crashed"),
        (backend(), facts(instance(Phase.READY), gave_up=True), "serve"),
        (backend(), facts(instance(Phase.DRAINING)), "hold"),
        (backend(target=HELLO), facts(key=HELLO, socket=PIPE), "serve"),
        (backend(target=HELLO), facts(key=HELLO, socket=PIPE, gave_up=True), "crashed"),
    ],
)
def test_how_a_request_is_treated(given: Backend, seen: SetFacts | None, expected: str) -> None:
    known = {} if seen is None else {seen.key: seen}
    assert treatment(given, known) == expected


def test_requests_go_to_ready_instances_only() -> None:
    phases = [Phase.STARTING, Phase.READY, Phase.DRAINING, Phase.STOPPING, Phase.GONE]
    each = [instance(p, Endpoint("veth", f"10.0.0.{n}", 5000), n) for n, p in enumerate(phases)]
    assert [e.address for e in endpoints(facts(*each))] == ["10.0.0.1"]


def test_a_functions_requests_go_to_its_socket_whatever_runs() -> None:
    assert endpoints(facts(key=HELLO, socket=PIPE)) == (PIPE,)


def test_a_namespace_is_never_dialled_into() -> None:
    inside = Endpoint("netns", "127.0.0.1", 5000, "/run/net/x")
    assert endpoints(facts(instance(Phase.READY, inside))) == ()


def test_a_set_at_zero_costs_envoy_nothing() -> None:
    assert project_set(facts(), LIMITS) == ()
    assert project_set(STARTING, LIMITS) == ()


def test_a_cluster_stays_until_its_last_instance_has_ended() -> None:
    cluster, assignment = project_set(facts(instance(Phase.DRAINING)), LIMITS)
    assert (cluster.kind, assignment.kind) == (Kind.CLUSTER, Kind.ENDPOINTS)
    assert assignment.empty
    assert project_set(facts(instance(Phase.GONE)), LIMITS) == ()


def test_each_host_has_a_table_of_its_own_that_answers_for_no_other() -> None:
    """Envoy looks a host up by a hash of it, and whoever forges one must not get another's app."""
    [host] = project_route(route(backend()), "", {}, LIMITS)
    assert host.body["key"] == {"fragments": [{"string_key": "s.localhost"}]}
    [virtual_host] = host.body["route_configuration"]["virtual_hosts"]
    assert virtual_host["domains"] == ["s.localhost"]


def test_each_host_is_a_resource_of_its_own_and_needs_its_cluster() -> None:
    many = backend(hosts=("a.localhost", "b.localhost"))
    hosts = project_route(route(many), "", {WEB: READY}, LIMITS)
    assert [h.name for h in hosts] == ["a.localhost", "b.localhost"]
    assert {h.needs for h in hosts} == {cluster_name(WEB)}
    held = project_route(route(many), "", {}, LIMITS)
    assert {h.needs for h in held} == {""}


def test_the_key_is_asked_for_before_anything_is_held() -> None:
    keyed = backend(kind="function", target=HELLO, hold=True, keyed=True)
    [host] = project_route(route(keyed), "k-1", {}, LIMITS)
    allowed, turned_away = routes_of(host)
    [header] = allowed["match"]["headers"]
    assert header == {"name": "authorization", "string_match": {"exact": "Bearer k-1"}}
    assert allowed["request_headers_to_remove"] == ["authorization"]
    assert "envoy.filters.http.ext_authz" in allowed["typed_per_filter_config"]
    assert turned_away["direct_response"] == {"status": 401}
    assert "typed_per_filter_config" not in turned_away


def test_without_a_key_on_record_nobody_gets_in() -> None:
    keyed = backend(kind="function", target=HELLO, keyed=True)
    [host] = project_route(route(keyed), "", {HELLO: facts(key=HELLO, socket=PIPE)}, LIMITS)
    assert [r.get("direct_response") for r in routes_of(host)] == [{"status": 401}]


def test_maintenance_comes_before_keys_holds_and_what_runs() -> None:
    keyed = backend(hosts=("f.x",), kind="function", target=HELLO, hold=True, keyed=True)
    closed = msgspec.structs.replace(route(backend(), keyed), maintenance=True)
    for host in project_route(closed, "k-1", {WEB: READY}, LIMITS):
        [only] = routes_of(host)
        assert only["direct_response"] == {"status": 503}
        assert host.needs == ""
    assert not closed.same_as(route(backend(), keyed))


def test_nobody_changes_the_bounds_unnoticed() -> None:
    """Heroku's, and the worker's own deadline, which ends first. Other tests scale them down."""
    told = serve.read(["--fd", "3", "--record-fd", "4", "--project", "."])
    assert told.deadline_s == 120.0 < LIMITS.function_s
    assert (LIMITS.first_byte_s, LIMITS.idle_s) == (30.0, 55.0)
    assert LIMITS.function_body_bytes == 6 * 1024 * 1024


def test_cold_hosts_outlast_the_hold_and_the_check_does_too() -> None:
    assert LIMITS.hold_s < LIMITS.check_s < LIMITS.cold_idle_s
    assert LIMITS.function_s > 120


@pytest.mark.parametrize(
    ("hosts", "key", "expected"),
    [
        (("shop.localhost",), "", ""),
        (("xn--bcher-kva.example", "1.2.3.4"), "k", ""),
        (("*",), "", "cannot route shop: '*' is not a host name"),
        (("*.example.com",), "", "cannot route shop: '*.example.com' is not a host name"),
        (("Shop.localhost",), "", "cannot route shop: 'Shop.localhost' is not a host name"),
        (("a.x", "a.x"), "", "cannot route shop: a.x is named twice"),
        (
            ("a.x",),
            "k\ny",
            "cannot route shop: its invoke key has characters that no header can carry",
        ),
        (
            ("a.x",),
            "k y",
            "cannot route shop: its invoke key has characters that no header can carry",
        ),
    ],
)
def test_what_envoy_would_refuse_is_refused_before(
    hosts: tuple[str, ...], key: str, expected: str
) -> None:
    assert fault(SetRoute(route(backend(hosts=hosts)), None, key)) == expected


def test_everything_projected_is_what_envoys_api_knows() -> None:
    """`pack` raises on any field or message that Envoy's protobufs do not have."""
    functions = backend(hosts=("f.x",), kind="function", process="hello", target=HELLO, keyed=True)
    every = [
        backend(hosts=("w.x",)),
        backend(hosts=("n.x",), target=None),
        backend(hosts=("c.x",), hold=True, target=SetKey(APP, "cold", Digest("c" * 64))),
        functions,
    ]
    known = {WEB: READY, HELLO: facts(key=HELLO, socket=PIPE)}
    found = project([SetRoute(route(*every), None, "k-1")], known, LIMITS)
    assert {r.kind for r in found} == set(Kind) - {Kind.SECRET}
    assert all(pack(resource) for resource in found)


def test_the_bootstrap_is_what_envoys_api_knows() -> None:
    for module in (
        "config.bootstrap.v3.bootstrap",
        "extensions.access_loggers.filters.cel.v3.cel",
        "extensions.access_loggers.grpc.v3.als",
        "extensions.common.matching.v3.extension_matcher",
        "extensions.filters.common.matcher.action.v3.skip_action",
        "extensions.filters.listener.tls_inspector.v3.tls_inspector",
        "extensions.matching.common_inputs.network.v3.network_inputs",
        "extensions.transport_sockets.tls.v3.tls",
        "extensions.filters.http.header_mutation.v3.header_mutation",
        "extensions.filters.http.lua.v3.lua",
        "extensions.filters.http.router.v3.router",
        "extensions.http.early_header_mutation.header_mutation.v3.header_mutation",
        "extensions.filters.network.http_connection_manager.v3.http_connection_manager",
        "extensions.resource_monitors.downstream_connections.v3.downstream_connections",
        "type.matcher.v3.http_inputs",
    ):
        importlib.import_module(f"envoy.{module}_pb2")
    message: Any = importlib.import_module("envoy.config.bootstrap.v3.bootstrap_pb2")
    place = EdgePlace(xds="/run/x.sock", admin="/run/a.sock", port=8080)
    told = bootstrap(place, LIMITS)
    [_, tls] = told["static_resources"]["listeners"][0]["filter_chains"]
    selector = tls["transport_socket"]["typed_config"]["common_tls_context"]
    assert selector.pop("custom_tls_certificate_selector")  # newer than the protobufs we have
    parsed = json_format.ParseDict(told, message.Bootstrap())
    assert parsed.admin.address.pipe.mode == 0o600
    [listener] = parsed.static_resources.listeners
    assert listener.address.socket_address.address == "127.0.0.1"
    assert not listener.enable_reuse_port.value


def test_every_reply_has_its_own_id_and_label() -> None:
    assert len({r.id for r in ALL}) == len(ALL)
    labels = [r.label for r in ALL if r not in (FUNCTION_ENDED, FUNCTION_TIMEOUT)]
    assert sorted(BY_LABEL) == sorted(labels)
    assert FUNCTION_TIMEOUT.label in BY_LABEL


def test_every_reply_of_envoys_own_is_json_with_the_requests_id() -> None:
    denial, *others = [m["body_format_override"] for m in mappers()]
    assert "json_format" not in denial  # it is ours already, and passes unchanged
    pages = [o["content_type"] for o in others if "json_format" not in o]
    assert pages == ["text/html; charset=utf-8"]  # maintenance, for browsers alone
    for body in [o["json_format"] for o in others if "json_format" in o]:
        assert body["request_id"] == "%REQ(X-REQUEST-ID)%"
        assert {"id", "message"} <= set(body)
