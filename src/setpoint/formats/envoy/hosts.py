"""One route as Envoy sees it: a small route table per host name, and how each is treated now."""

import re
from collections.abc import Mapping
from typing import Literal

from setpoint.formats.envoy import replies
from setpoint.formats.envoy.clusters import cluster_name, endpoints
from setpoint.formats.envoy.limits import Limits, seconds
from setpoint.formats.envoy.resource import EXTENSIONS, Json, Kind, Resource, typed
from setpoint.model.ids import SetKey
from setpoint.model.process import Phase, SetFacts
from setpoint.model.route import Backend, Route

Treatment = Literal["serve", "hold", "crashed", "no_process", "maintenance"]
Facts = Mapping[SetKey, SetFacts]

HOST_RE = re.compile(r"(?=.{1,253}$)(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")
KEY_RE = re.compile(r"[\x21-\x7e]{1,512}")
"""What fits into a header value without any escaping."""

METADATA = "setpoint"
HOLD_CONTEXT = "set"
"""Under this name the Check is told which set is waited for."""
_HOLD_FILTER = "envoy.filters.http.ext_authz"
_BODY_FILTER = "envoy.filters.http.buffer"
_RETRIES = 3
"""After 25 to 250 ms each, which is Envoy's default. Only where nothing of the request can have
been read by the app: safe for any method."""


def treatment(backend: Backend, facts: Facts, *, maintenance: bool = False) -> Treatment:
    """What a request to this backend gets, given what runs. Maintenance hides whether that has
    crashed."""
    if maintenance:
        return "maintenance"
    if backend.target is None:
        return "no_process"
    seen = facts.get(backend.target)
    if seen is None:
        return "hold"
    if seen.gave_up and not seen.ready:
        return "crashed"
    if endpoints(seen):
        return "serve"
    return "hold" if backend.hold or not _down(seen) else "crashed"


def _down(seen: SetFacts) -> bool:
    """It crashed and is not even on its way back yet."""
    return seen.crashes > 0 and not any(i.phase is Phase.STARTING for i in seen.instances)


def project_route(
    route: Route, invoke_key: str, facts: Facts, limits: Limits
) -> tuple[Resource, ...]:
    return tuple(
        _host(
            *(route, backend, host, invoke_key),
            treatment(backend, facts, maintenance=route.maintenance),
            limits,
        )
        for backend in route.backends
        for host in backend.hosts
    )


def _host(
    route: Route, backend: Backend, host: str, invoke_key: str, how: Treatment, limits: Limits
) -> Resource:
    """Named by host, so that no two can ever claim the same one."""
    body: Json = {"name": host, "domains": [host]}
    body["routes"] = _routes(route, backend, invoke_key, how, limits)
    if backend.kind == "function":
        most = limits.function_body_bytes
        body["request_body_buffer_limit"] = most
        body["typed_per_filter_config"] = {
            _BODY_FILTER: typed(
                EXTENSIONS + "filters.http.buffer.v3.BufferPerRoute",
                buffer={"max_request_bytes": most},
            )
        }
    serving = backend.target if how == "serve" else None
    scope = {"name": host, "key": {"fragments": [{"string_key": host}]}, **_table(host, body)}
    return Resource(Kind.HOST, host, scope, "" if serving is None else cluster_name(serving))


def _table(host: str, virtual_host: Json) -> Json:
    """A cold host names a cluster that comes with its first instance. Envoy finds the table by a
    hash of the host, and one host's hash can be forged: so it compares the name once more."""
    table: Json = {"name": host, "validate_clusters": False, "ignore_port_in_host_matching": True}
    return {"route_configuration": table | {"virtual_hosts": [virtual_host]}}


def _routes(
    route: Route, backend: Backend, invoke_key: str, how: Treatment, limits: Limits
) -> list[Json]:
    """Whoever has no key is turned away by the last route: before any hold, so nobody without
    one can start anything."""
    served = _served(backend, how, limits)
    if not backend.keyed or how == "maintenance":
        return [{"name": route.app, "match": {"prefix": "/"}, **served}]
    refused = _direct(replies.UNAUTHORIZED)
    turned_away: Json = {"name": route.app, "match": {"prefix": "/"}, **refused}
    if not invoke_key:
        return [turned_away]
    exact = {"name": "authorization", "string_match": {"exact": f"Bearer {invoke_key}"}}
    allowed: Json = {"name": route.app, "match": {"prefix": "/", "headers": [exact]}, **served}
    return [allowed | {"request_headers_to_remove": ["authorization"]}, turned_away]


def _served(backend: Backend, how: Treatment, limits: Limits) -> Json:
    if how == "maintenance":
        return _direct(replies.MAINTENANCE)
    if how == "no_process" or backend.target is None:
        return _direct(replies.NO_PROCESS)
    if how == "crashed":
        return _direct(replies.CRASHED)
    cold = how == "hold"
    name = cluster_name(backend.target)
    action = _function(cold, limits) if backend.kind == "function" else _web(cold, limits)
    body: Json = {"route": {"cluster": name, **action}}
    if backend.kind == "function":
        body |= _metadata(kind="function")
    if cold:
        settings = {"context_extensions": {HOLD_CONTEXT: name}}
        check = EXTENSIONS + "filters.http.ext_authz.v3.ExtAuthzPerRoute"
        body["typed_per_filter_config"] = {_HOLD_FILTER: typed(check, check_settings=settings)}
    return body


def _web(cold: bool, limits: Limits) -> Json:
    """30 s to the first byte, then 55 s between any two: as on Heroku. No bound on the whole.

    What the listener says already is not said again: with each host that changes Envoy reads every
    other one anew, and each field costs.
    """
    on = "connect-failure,refused-stream,reset-before-request"
    first_byte = seconds(limits.first_byte_s)
    retry = {"retry_on": on, "num_retries": _RETRIES, "per_try_timeout": first_byte}
    action: Json = {"timeout": "0s", "retry_policy": retry}
    return action | {"idle_timeout": seconds(limits.cold_idle_s)} if cold else action


def _function(cold: bool, limits: Limits) -> Json:
    """Bounds the whole answer. Tried again only while no connection could be made."""
    idle_s = limits.function_s + (limits.cold_idle_s if cold else limits.idle_s)
    return {
        "timeout": seconds(limits.function_s),
        "idle_timeout": seconds(idle_s),
        "retry_policy": {"retry_on": "connect-failure", "num_retries": _RETRIES},
    }


def _direct(reply: replies.Reply) -> Json:
    """The body is put in by `local_replies`, which knows the request id."""
    return {"direct_response": {"status": reply.status}, **_metadata(reply=reply.id)}


def _metadata(**fields: str) -> Json:
    """What `local_replies` looks at."""
    return {"metadata": {"filter_metadata": {METADATA: fields}}}
