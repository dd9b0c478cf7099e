"""Envoy's static configuration: one listener, one way back to the edge agent, and nothing else.

Everything that differs between apps comes over xDS (`project`).
"""

import msgspec

from setpoint.formats.envoy.limits import Limits, seconds
from setpoint.formats.envoy.listener import XDS_CLUSTER, grpc, listener
from setpoint.formats.envoy.resource import ADS, EXTENSIONS, Json, typed

RECONNECT: Json = {"retry_back_off": {"base_interval": "0.05s", "max_interval": "0.5s"}}
"""Envoy's default waits up to 30 s for an agent that was restarted."""

STATS_KEPT = ("server.", "http.edge.", "cluster_manager.", "control_plane.", "listener_manager.")
"""A cluster has 107 lines of statistics, 55 KiB of memory; what we count comes by other ways."""


class EdgePlace(msgspec.Struct, frozen=True):
    """Where Envoy listens and where it finds its agent. `admin`: a unix socket, 0600."""

    xds: str
    admin: str
    port: int
    address: str = "127.0.0.1"


def bootstrap(place: EdgePlace, limits: Limits) -> Json:
    return {
        "node": {"id": "edge", "cluster": "setpoint"},
        "admin": {"address": {"pipe": {"path": place.admin, "mode": 0o600}}},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "DELTA_GRPC",
                "transport_api_version": "V3",
                "grpc_services": [grpc(retry_policy=RECONNECT)],
            },
            "cds_config": ADS,
        },
        "cluster_manager": {
            "load_stats_config": {
                "api_type": "GRPC",
                "transport_api_version": "V3",
                "grpc_services": [grpc(retry_policy=RECONNECT)],
            }
        },
        "stats_config": {
            "stats_matcher": {"inclusion_list": {"patterns": [{"prefix": p} for p in STATS_KEPT]}}
        },
        "overload_manager": _overload(limits),
        "static_resources": {
            "clusters": [_agent(place)],
            "listeners": [listener(place.address, place.port, limits)],
        },
    }


def _agent(place: EdgePlace) -> Json:
    """ADS, Check, access log and load reports share one socket; each held request is one stream
    on it, so Envoy's default of 1,024 would be a limit on held requests."""
    options = "upstreams.http.v3.HttpProtocolOptions"
    endpoint = {"endpoint": {"address": {"pipe": {"path": place.xds}}}}
    return {
        "name": XDS_CLUSTER,
        "type": "STATIC",
        "connect_timeout": seconds(1),
        "typed_extension_protocol_options": {
            EXTENSIONS + options: typed(
                EXTENSIONS + options, explicit_http_config={"http2_protocol_options": {}}
            )
        },
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_connections": 1000,
                    "max_requests": 100_000,
                    "max_pending_requests": 100_000,
                    "max_retries": 100_000,
                }
            ]
        },
        "load_assignment": {
            "cluster_name": XDS_CLUSTER,
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
    }


def _overload(limits: Limits) -> Json:
    monitor = "resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig"
    return {
        "resource_monitors": [
            {
                "name": "envoy.resource_monitors.global_downstream_max_connections",
                "typed_config": typed(
                    EXTENSIONS + monitor, max_active_downstream_connections=limits.connections
                ),
            }
        ]
    }
