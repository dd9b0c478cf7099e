"""What `setpoint conformance` says of clients is from tests that ran: the last of those."""

import json
import os

import pytest

from tests.support.used import MODULES, RECORD, USED


def test_each_client_that_is_said_to_have_used_a_route_has_used_it() -> None:
    if not USED.whole:
        pytest.skip(f"needs all tests of {', '.join(MODULES)} in the same run, passed")
    if os.environ.get("PROVEN") == "write":
        USED.write()
    for route, clients in json.loads(RECORD.read_bytes()).items():
        assert set(clients) <= USED.by[route], f"{route}: `make proven` writes it anew"
