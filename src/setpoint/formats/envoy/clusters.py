"""One set of instances as Envoy sees it: a cluster and its endpoints."""

from setpoint.formats.envoy.limits import Limits, seconds
from setpoint.formats.envoy.resource import ADS, EXTENSIONS, Json, Kind, Resource, typed
from setpoint.model.ids import SetKey
from setpoint.model.process import Endpoint, SetFacts

_HTTP = "upstreams.http.v3.HttpProtocolOptions"


def cluster_name(key: SetKey) -> str:
    return f"{key.app}/{key.process}/{key.spec_hash[:16]}"


def endpoints(facts: SetFacts) -> tuple[Endpoint, ...]:
    """Where new requests may go: a function's own socket, else every ready instance.

    Dialling into a namespace (`netns`) would need an Envoy with CAP_SYS_ADMIN; it is never done.
    """
    if facts.socket is not None:
        return (facts.socket,)
    found = (i.endpoint for i in facts.ready)
    return tuple(e for e in found if e is not None and e.kind != "netns")


def project_set(facts: SetFacts, limits: Limits) -> tuple[Resource, ...]:
    """Nothing for a set at zero; the cluster stays until the last instance has ended, so that
    what is still in flight there can finish."""
    reachable = facts.socket is not None or any(i.endpoint is not None for i in facts.live)
    if not reachable:
        return ()
    name = cluster_name(facts.key)
    body = _cluster(name, limits, per_request=facts.socket is not None)
    return Resource(Kind.CLUSTER, name, body), _assignment(name, endpoints(facts))


def _cluster(name: str, limits: Limits, *, per_request: bool) -> Json:
    """`per_request`: a function's instances share one listening socket, and only a new connection
    can be picked up by whichever is free."""
    most = dict.fromkeys(
        ("max_connections", "max_pending_requests", "max_requests", "max_retries"),
        limits.app_connections,
    )
    common: Json = {"idle_timeout": seconds(limits.unused_s)}
    if per_request:
        common = {"max_requests_per_connection": 1}
    options = typed(
        EXTENSIONS + _HTTP,
        common_http_protocol_options=common,
        explicit_http_config={"http_protocol_options": {}},
    )
    return {
        "name": name,
        "type": "EDS",
        "connect_timeout": seconds(limits.connect_s),
        "eds_cluster_config": {"eds_config": ADS},
        "circuit_breakers": {"thresholds": [most]},
        "typed_extension_protocol_options": {f"{EXTENSIONS}{_HTTP}": options},
    }


def _assignment(name: str, found: tuple[Endpoint, ...]) -> Resource:
    body: Json = {"cluster_name": name}
    if found:
        each = [{"endpoint": {"address": address(e)}} for e in found]
        body["endpoints"] = [{"lb_endpoints": each}]
    return Resource(Kind.ENDPOINTS, name, body, empty=not found)


def address(endpoint: Endpoint) -> Json:
    if endpoint.kind in ("pipe", "relay"):
        return {"pipe": {"path": endpoint.address}}
    return {"socket_address": {"address": endpoint.address, "port_value": endpoint.port}}
