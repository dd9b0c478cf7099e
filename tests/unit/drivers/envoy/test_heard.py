"""What Envoy tells, in the words of callers and apps who wish the log ill."""

import importlib
from typing import Any

import pytest

from setpoint.drivers.envoy.heard import read_log
from setpoint.drivers.envoy.repair import repaired
from setpoint.formats.envoy.replies import HELD_HEADER
from setpoint.formats.envoy.router_log import router_line

_als: Any = importlib.import_module("envoy.service.accesslog.v3.als_pb2")


def message(*stream_ids: str, held: str = "") -> bytes:
    log = _als.StreamAccessLogsMessage()
    for number, stream_id in enumerate(stream_ids):
        entry = log.http_logs.log_entry.add()
        entry.common_properties.route_name = f"app{number}"
        entry.common_properties.duration.nanos = 5_000_000
        entry.request.path = "/café"
        entry.common_properties.stream_id = stream_id
        entry.response.response_headers[HELD_HEADER] = held
    return log.SerializeToString()


def test_an_unreadable_stream_id_costs_nobody_a_line() -> None:
    sent = message("id-of-one", "id-of-two").replace(b"id-of-one", b"id\xff\xfe\xfd-one")
    entries = read_log(sent)
    assert [(e.app, e.path) for e in entries] == [("app0", "/café"), ("app1", "/café")]
    assert repaired(sent) == message("id???-one", "id-of-two")


@pytest.mark.parametrize("held", ["9" * 400, "-1", "1e9", "٣", "nan", ""])
def test_an_app_that_lies_about_the_hold_gets_its_line_all_the_same(held: str) -> None:
    (entry,) = read_log(message("r", held=held))
    assert entry.held_ms == 0.0
    assert "connect=0ms" in router_line(entry, "web.1")


@pytest.mark.parametrize(
    ("all_read_ms", "first_sent_ms", "waited_ms"),
    [(0, 30, 30.0), (1000, 1030, 30.0), (50, 30, 0.0), (20, None, 980.0)],
)
def test_who_uploads_slowly_waits_for_nobody_but_themselves(
    all_read_ms: int, first_sent_ms: int | None, waited_ms: float
) -> None:
    log = _als.StreamAccessLogsMessage()
    common = log.http_logs.log_entry.add().common_properties
    common.time_to_last_rx_byte.FromMilliseconds(all_read_ms)
    common.duration.FromMilliseconds(1000 if first_sent_ms is None else 90_000)
    if first_sent_ms is not None:
        common.time_to_first_downstream_tx_byte.FromMilliseconds(first_sent_ms)
    (entry,) = read_log(log.SerializeToString())
    assert entry.waited_ms == waited_ms


@pytest.mark.parametrize("broken", [b"\x12", b"\x13\x00", b"\x80"])
def test_bytes_that_are_no_message_are_refused(broken: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        repaired(broken)
