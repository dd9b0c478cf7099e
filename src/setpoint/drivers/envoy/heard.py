"""What Envoy tells without being asked: its access log and its load reports, as our own values."""

import importlib
import re
from typing import Any

import msgspec
from google.protobuf.message import DecodeError

from setpoint.drivers.envoy.repair import repaired
from setpoint.formats.envoy.replies import ERROR_HEADER, HELD_HEADER
from setpoint.formats.envoy.router_log import Entry

_als: Any = importlib.import_module("envoy.service.accesslog.v3.als_pb2")
_lrs: Any = importlib.import_module("envoy.service.load_stats.v3.lrs_pb2")
DIGITS_MAX = 9
_PORT_RE = re.compile(r":\d*$")
_PROTOCOLS = {0: "http", 1: "http/1.0", 2: "http", 3: "h2"}


class Load(msgspec.Struct, frozen=True):
    """One cluster since the last report: requests begun, and those not ended yet."""

    cluster: str
    issued: int
    in_flight: int


# --- the access log ---------------------------------------------------------------------------


def read_log(data: bytes) -> list[Entry]:
    try:
        message = _als.StreamAccessLogsMessage.FromString(data)
    except DecodeError:
        message = _als.StreamAccessLogsMessage.FromString(repaired(data))
    return [_entry(entry) for entry in message.http_logs.log_entry]


def write_log_end(_: None) -> bytes:
    return _als.StreamAccessLogsResponse().SerializeToString()


def _entry(entry: Any) -> Entry:
    """Envoy tells no pure connect time: until the first byte went up is the nearest."""
    common, request, response = entry.common_properties, entry.request, entry.response
    headers = response.response_headers
    first_up, last_down = (
        _ms(common, "time_to_first_upstream_tx_byte"),
        _ms(common, "time_to_last_upstream_rx_byte"),
    )
    ended = last_down or _ms(common, "duration")
    return Entry(
        app=common.route_name,
        at_s=common.start_time.seconds + common.start_time.nanos / 1e9,
        method=request.DESCRIPTOR.fields_by_name["request_method"]
        .enum_type.values_by_number[request.request_method]
        .name.removesuffix("_METHOD"),
        path=request.path,
        host=_PORT_RE.sub("", request.authority),
        request_id=request.request_id,
        forwarded_for=request.forwarded_for or _address(common.downstream_remote_address),
        status=response.response_code.value,
        bytes=response.response_body_bytes,
        protocol=_PROTOCOLS.get(entry.protocol_version, "http"),
        connect_ms=first_up,
        service_ms=ended - first_up,
        held_ms=_number(headers.get(HELD_HEADER, "")),
        waited_ms=_waited_ms(common),
        error=headers.get(ERROR_HEADER, ""),
        details=response.response_code_details,
        flags=tuple(field.name for field, _ in common.response_flags.ListFields()),
        upstream=_place(common.upstream_remote_address),
        cluster=common.upstream_cluster,
    )


def _waited_ms(common: Any) -> float:
    """0 where the answer began before all of the request was there."""
    began = "time_to_first_downstream_tx_byte"
    until = _ms(common, began if common.HasField(began) else "duration")
    return max(0.0, until - _ms(common, "time_to_last_rx_byte"))


def _ms(common: Any, field: str) -> float:
    duration = getattr(common, field)
    return duration.seconds * 1e3 + duration.nanos / 1e6


def _number(text: str) -> float:
    """An app may send that header too, with as many digits as it likes."""
    sane = text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX
    return float(text) if sane else 0.0


def _address(address: Any) -> str:
    return address.socket_address.address


def _place(address: Any) -> str:
    if address.HasField("pipe"):
        return address.pipe.path
    return f"{address.socket_address.address}:{address.socket_address.port_value}"


# --- load reports -----------------------------------------------------------------------------


def read_load(data: bytes) -> list[Load]:
    """Only clusters with something to tell are in a report."""
    request = _lrs.LoadStatsRequest.FromString(data)
    return [
        Load(
            stats.cluster_name,
            sum(place.total_issued_requests for place in stats.upstream_locality_stats),
            sum(place.total_requests_in_progress for place in stats.upstream_locality_stats),
        )
        for stats in request.cluster_stats
    ]


def write_load_order(every_s: float) -> bytes:
    """Which clusters to report, and how often."""
    response = _lrs.LoadStatsResponse(send_all_clusters=True)
    response.load_reporting_interval.FromNanoseconds(round(every_s * 1e9))
    return response.SerializeToString()
