"""Protobuf on one side, our own values on the other. The only module that knows both.

The generated modules carry no types, so they are looked up by name here and nowhere else.
"""

import importlib
from typing import Any

from google.protobuf import json_format

from setpoint.drivers.envoy.delta import Answer, Ask
from setpoint.formats.envoy.hosts import HOLD_CONTEXT
from setpoint.formats.envoy.resource import Kind, Resource


def _module(name: str) -> Any:
    return importlib.import_module(f"envoy.{name}_pb2")


_discovery = _module("service.discovery.v3.discovery")
_auth = _module("service.auth.v3.external_auth")
_cluster = _module("config.cluster.v3.cluster")
_endpoint = _module("config.endpoint.v3.endpoint")
_scoped_route = _module("config.route.v3.scoped_route")
_secret = _module("extensions.transport_sockets.tls.v3.secret")
for _extension in (  # what resources carry as Any must be known to the parser of their JSON form
    "extensions.filters.http.ext_authz.v3.ext_authz",
    "extensions.filters.http.buffer.v3.buffer",
    "extensions.upstreams.http.v3.http_protocol_options",
):
    _module(_extension)

_MESSAGES: dict[Kind, Any] = {
    Kind.CLUSTER: _cluster.Cluster,
    Kind.ENDPOINTS: _endpoint.ClusterLoadAssignment,
    Kind.HOST: _scoped_route.ScopedRouteConfiguration,
    Kind.SECRET: _secret.Secret,
}
_URLS = {k: f"type.googleapis.com/{m.DESCRIPTOR.full_name}" for k, m in _MESSAGES.items()}
_KINDS = {url: kind for kind, url in _URLS.items()}
UNAVAILABLE = 14
"""gRPC's status code; Envoy only looks whether it is 0"""


# --- resources and the delta stream -----------------------------------------------------------


def pack(resource: Resource) -> bytes:
    """Raises json_format.ParseError where the body is not what Envoy's API says."""
    message = json_format.ParseDict(resource.body, _MESSAGES[resource.kind]())
    return message.SerializeToString(deterministic=True)


def read_ask(data: bytes) -> Ask | None:
    """None for a kind we never send."""
    request = _discovery.DeltaDiscoveryRequest.FromString(data)
    kind = _KINDS.get(request.type_url)
    if kind is None:
        return None
    return Ask(
        kind=kind,
        subscribe=tuple(request.resource_names_subscribe),
        unsubscribe=tuple(request.resource_names_unsubscribe),
        held=dict(request.initial_resource_versions),
        nonce=request.response_nonce,
        error=(request.error_detail.message or "refused without a word")
        if request.HasField("error_detail")
        else "",
    )


def write_answer(answer: Answer) -> bytes:
    url = _URLS[answer.kind]
    response = _discovery.DeltaDiscoveryResponse(type_url=url, nonce=answer.nonce)
    for item in answer.items:
        added = response.resources.add(name=item.name, version=item.version)
        added.resource.type_url, added.resource.value = url, item.packed
    response.removed_resources.extend(answer.removed)
    return response.SerializeToString()


# --- Check ------------------------------------------------------------------------------------


def read_check(data: bytes) -> tuple[str, str]:
    """(the cluster waited for, the request's id)."""
    attributes = _auth.CheckRequest.FromString(data).attributes
    headers = attributes.request.http.headers
    return attributes.context_extensions.get(HOLD_CONTEXT, ""), headers.get("x-request-id", "")


def write_allowed(headers: dict[str, str]) -> bytes:
    response = _auth.CheckResponse()
    response.ok_response.SetInParent()
    _add_headers(response.ok_response.response_headers_to_add, headers)
    return response.SerializeToString()


def write_denied(status: int, body: bytes, headers: dict[str, str]) -> bytes:
    response = _auth.CheckResponse()
    response.status.code = UNAVAILABLE
    response.denied_response.status.code = status
    response.denied_response.body = body.decode()
    _add_headers(response.denied_response.headers, headers)
    return response.SerializeToString()


def _add_headers(to: Any, headers: dict[str, str]) -> None:
    for key, value in headers.items():
        option = to.add()
        option.header.key, option.header.value = key, value
