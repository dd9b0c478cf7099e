"""The one listener: how requests are read, which filters they pass, what is logged of them."""

from typing import Any

from setpoint.formats.envoy.forwarded import told
from setpoint.formats.envoy.limits import Limits, seconds
from setpoint.formats.envoy.local_replies import mappers
from setpoint.formats.envoy.lower_case import lower_case
from setpoint.formats.envoy.replies import ERROR_HEADER, HELD_HEADER
from setpoint.formats.envoy.resource import ADS, EXTENSIONS, Json, typed
from setpoint.formats.envoy.tls import inspector, tls, which_chain

XDS_CLUSTER = "agent"
PLAIN, TLS = "plain", "tls"
FILTERS = EXTENSIONS + "filters.http."
STRIPPED = ("x-setpoint-org", "x-setpoint-client", "x-envoy-external-address")
"""Apps may believe the first two, so no caller may set them; the third is Envoy's own chatter."""


def _asked_again(limits: Limits) -> Json:
    """For some 25 s: whoever waits for an app goes on waiting while the agent is started again.

    Envoy takes the longest pause as the time that each try has, too, so it must be no shorter than
    a hold (convertCoreToRouteRetryPolicy in its source/common/http/utility.cc).
    """
    return {
        "retry_on": "connect-failure,refused-stream,reset",
        "num_retries": 9,
        "retry_back_off": {"base_interval": "0.1s", "max_interval": seconds(limits.check_s)},
    }


def grpc(timeout_s: float | None = None, **fields: Any) -> Json:
    service: Json = {"envoy_grpc": {"cluster_name": XDS_CLUSTER, **fields}}
    return service if timeout_s is None else service | {"timeout": seconds(timeout_s)}


def listener(address: str, port: int, limits: Limits) -> Json:
    """`enable_reuse_port` off, or a second Envoy of the same user would silently share the port."""
    return {
        "name": "http",
        "enable_reuse_port": False,
        "per_connection_buffer_limit_bytes": 262_144,
        "address": {"socket_address": {"address": address, "port_value": port}},
        "listener_filters": [inspector()],
        "listener_filters_timeout": seconds(limits.headers_s),
        "continue_on_listener_filters_timeout": True,
        "filter_chain_matcher": which_chain(PLAIN, TLS),
        "filter_chains": [
            _chain(PLAIN, _manager(limits, plain=True)),
            _chain(TLS, _manager(limits, plain=False)) | {"transport_socket": tls()},
        ],
    }


def _chain(name: str, manager: Json) -> Json:
    return {"name": name, "filters": [{"name": "http", "typed_config": manager}]}


def _manager(limits: Limits, *, plain: bool) -> Json:
    """Paths reach the app nearly as sent: dot segments are resolved, nothing else is changed."""
    return typed(
        EXTENSIONS + "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="edge",
        codec_type="AUTO",
        scoped_routes=_scopes(),
        use_remote_address=True,
        xff_num_trusted_hops=1 if plain else 0,
        early_header_mutation_extensions=[told()] if plain else [],
        append_x_forwarded_port=True,
        server_name="setpoint",
        request_headers_timeout=seconds(limits.headers_s),
        stream_idle_timeout=seconds(limits.idle_s),
        max_request_headers_kb=limits.header_kib,
        common_http_protocol_options={
            "headers_with_underscores_action": "REJECT_REQUEST",
            "max_headers_count": limits.headers,
            "idle_timeout": seconds(limits.keepalive_s),
        },
        http2_protocol_options={
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 1_048_576,
            "initial_connection_window_size": 4_194_304,
        },
        normalize_path=True,
        merge_slashes=False,
        path_with_escaped_slashes_action="KEEP_UNCHANGED",
        preserve_external_request_id=True,
        always_set_request_id_in_response=True,
        upgrade_configs=[{"upgrade_type": "websocket"}],
        access_log=[{"name": "edge", "typed_config": _access_log()}],
        local_reply_config={"mappers": mappers()},
        http_filters=_filters(limits),
    )


def _scopes() -> Json:
    """Each host has a route table of its own, found by its exact name: what one more of them costs
    does not depend on how many there are. The port in `Host` is the caller's affair."""
    host = {"name": ":authority", "element_separator": ":", "index": 0}
    return {
        "name": "edge",
        "scope_key_builder": {"fragments": [{"header_value_extractor": host}]},
        "rds_config_source": ADS,
        "scoped_rds": {"scoped_rds_config_source": ADS},
    }


def _filters(limits: Limits) -> list[Json]:
    """Those marked disabled cost nothing until a virtual host brings its own settings."""
    return [
        lower_case(),
        _filter("header_mutation", "v3.HeaderMutation", mutations=_mutations()),
        _filter(
            "ext_authz",
            "v3.ExtAuthz",
            disabled=True,
            transport_api_version="V3",
            grpc_service=grpc(limits.check_s) | {"retry_policy": _asked_again(limits)},
            status_on_error={"code": "ServiceUnavailable"},
            failure_mode_allow=False,
            allowed_headers={"patterns": [{"exact": "x-request-id"}]},
        ),
        _filter(
            "buffer",
            "v3.Buffer",
            disabled=True,
            max_request_bytes=limits.function_body_bytes,
        ),
        _filter("router", "v3.Router", suppress_envoy_headers=True),
    ]


def _filter(name: str, message: str, *, disabled: bool = False, **fields: Any) -> Json:
    body = {
        "name": f"envoy.filters.http.{name}",
        "typed_config": typed(f"{FILTERS}{name}.{message}", **fields),
    }
    return body | {"disabled": True} if disabled else body


def _mutations() -> Json:
    start = {"key": "x-request-start", "value": "%START_TIME(%s%3f)%"}
    stamp = {"append": {"header": start, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
    return {"request_mutations": [*({"remove": name} for name in STRIPPED), stamp]}


def _access_log() -> Json:
    return typed(
        EXTENSIONS + "access_loggers.grpc.v3.HttpGrpcAccessLogConfig",
        common_config={
            "log_name": "edge",
            "transport_api_version": "V3",
            "buffer_size_bytes": 65_536,
            "buffer_flush_interval": "0.2s",
            "grpc_service": grpc(),
        },
        additional_response_headers_to_log=[ERROR_HEADER, HELD_HEADER],
    )
