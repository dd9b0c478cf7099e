"""Heroku's router line."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.formats.envoy.replies import BACKLOG, CRASHED, UNAUTHORIZED
from setpoint.formats.envoy.router_log import TEXT_MAX, Entry, router_line

FINE = Entry(
    app="a",
    at_s=0.0,
    method="GET",
    path="/",
    host="shop.localhost",
    request_id="r-1",
    forwarded_for="203.0.113.9",
    status=200,
    bytes=12,
    protocol="http",
    connect_ms=1.4,
    service_ms=18.2,
    details="via_upstream",
)


def entry(**fields: object) -> Entry:
    return msgspec.structs.replace(FINE, **fields)


def test_a_request_that_was_answered() -> None:
    assert router_line(FINE, "web.1") == (
        'at=info method=GET path="/" host=shop.localhost request_id=r-1 fwd="203.0.113.9"'
        " dyno=web.1 connect=1ms service=18ms status=200 bytes=12 protocol=http"
    )


def test_a_request_that_was_not() -> None:
    late = entry(status=503, error="H12", details="upstream_per_try_timeout", service_ms=30001.0)
    assert router_line(late, "web.1").startswith(
        'at=error code=H12 desc="Request timeout" method=GET path="/" host=shop.localhost'
    )


@pytest.mark.parametrize(
    ("fields", "start"),
    [
        (
            {"error": "H10", "details": "ext_authz_denied"},
            f'at=error code=H10 desc="{CRASHED.message}"',
        ),
        ({"error": "H11", "details": "overflow"}, f'at=error code=H11 desc="{BACKLOG.message}"'),
        ({"error": "H10", "details": "via_upstream"}, "at=info method"),
        ({"error": UNAUTHORIZED.label, "details": "direct_response"}, "at=info method"),
        ({"error": "nonsense", "details": "x"}, "at=info method"),
        (
            {"flags": ("stream_idle_timeout",), "details": "stream_idle_timeout"},
            "at=error code=H15",
        ),
        ({"details": "upstream_reset_after_response_started{x}"}, "at=error code=H18"),
        ({"flags": ("downstream_connection_termination",), "status": 0}, "at=warning code=H27"),
    ],
)
def test_the_verdict(fields: dict[str, object], start: str) -> None:
    assert router_line(entry(**fields), "").startswith(start)


def test_who_left_is_told_with_the_status_nobody_saw() -> None:
    left = entry(flags=("downstream_connection_termination",), status=0)
    assert " status=499 " in router_line(left, "web.1")


def test_the_time_held_is_not_time_to_connect() -> None:
    assert " connect=4ms " in router_line(entry(connect_ms=804.0, held_ms=800.0), "web.1")
    assert " connect=0ms " in router_line(entry(connect_ms=0.0, held_ms=800.0), "web.1")


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_nothing_a_caller_sends_can_end_its_quotes_or_the_line(
    path: str, host: str, forwarded: str
) -> None:
    line = router_line(entry(path=path, host=host, forwarded_for=forwarded), "web.1")
    assert len(line.splitlines()) == 1
    assert line.count('"') == 4
    assert " dyno=web.1 " in line


def test_a_long_path_is_cut() -> None:
    assert len(router_line(entry(path="/" * 30_000), "web.1")) < TEXT_MAX + 300
