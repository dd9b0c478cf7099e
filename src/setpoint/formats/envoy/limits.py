"""How long and how large: the edge's bounds, in one value, so that tests can scale them."""

from collections.abc import Mapping

import msgspec

from setpoint.formats.whole_number import whole_number

MIB = 1024 * 1024
HOT_FUNCTIONS = "SETPOINT_HOT_FUNCTIONS"
HOT_FUNCTIONS_MAX = 100_000
FUNCTION_S = "SETPOINT_FUNCTION_SECONDS"
FUNCTION_S_MAX = 120
"""Salesforce's limit for a call that is waited for"""


class Limits(msgspec.Struct, frozen=True):
    """Seconds and bytes. The defaults are Heroku's where Heroku has the limit.

    A held request counts as idle for Envoy, and the hold must end before Envoy stops waiting for
    our answer: hold_s < check_s < cold_idle_s.
    """

    headers_s: float = 10.0
    first_byte_s: float = 30.0
    idle_s: float = 55.0
    keepalive_s: float = 3600.0
    connect_s: float = 5.0
    """Heroku's (H19). A server with a short queue drops what comes in a burst, and the kernel tries
    again after 1 s and 3 s: giving up earlier would turn a busy app into a broken one."""
    unused_s: float = 1.5
    """A connection to an app is closed after so long without a request, and by us: a request that
    was sent just as the app closed it would be lost (gunicorn does after 2 s, uvicorn and Node.js
    after 5)."""
    hold_s: float = 60.0
    check_s: float = 65.0
    cold_idle_s: float = 75.0
    function_s: float = 121.0
    """one more than the worker's own deadline, so that its answer wins"""
    function_body_bytes: int = 6 * MIB
    header_kib: int = 32
    headers: int = 100
    held_max: int = 1000
    """requests held per set; the next one gets H11"""
    app_connections: int = 4096
    """per set: connections and waiting requests; the next one gets H11"""
    connections: int = 20_000
    """client connections of the whole edge; more are closed at once"""
    hot_functions: int = 500
    """sleeping functions whose clusters Envoy keeps, and as many again that are on their way out"""
    leaving_s: float = 60.0
    """how long one is: the body of a request, of which nothing is known before it is whole, may be
    on its way by the old host"""


def seconds(value: float) -> str:
    """protobuf's JSON form of a duration."""
    return f"{value:.3f}s"


def limits(environment: Mapping[str, str]) -> Limits:
    """The defaults, but for what the operator said. Raises Invalid for what is not understood."""
    hot = whole_number(environment, HOT_FUNCTIONS, Limits().hot_functions, 0, HOT_FUNCTIONS_MAX)
    function_s = whole_number(environment, FUNCTION_S, FUNCTION_S_MAX, 1, FUNCTION_S_MAX)
    return Limits(hot_functions=hot, function_s=function_s + 1.0)
