"""The two Node.js examples, as a user meets them: deployed, called, scaled to nothing and back."""

import json
import os

import pytest

from setpoint.drivers.builders.node import engine
from tests.acceptance.plane import EXAMPLES, Plane, until

pytestmark = pytest.mark.skipif(
    engine.machines_own(os.environ) is None, reason="this machine has no Node.js of its own"
)


def test_web_app_starts_with_npm_and_drains(plane: Plane) -> None:
    plane.ok("deploy", str(EXAMPLES / "hello-node"), "-a", "nodeshop")
    answer = plane.get("nodeshop")
    assert (answer.status, answer.text[:17]) == (200, "Hello from web.1 ")
    plane.ok("restart", "nodeshop")
    assert plane.get("nodeshop").status == 200


def test_function_in_javascript_is_invoked(plane: Plane) -> None:
    plane.ok("deploy", str(EXAMPLES / "hello-js-function"), "-a", "jsgreeter")
    answered = plane.ok("invoke", "jsgreeter", "-p", '{"name": "Ada"}')
    assert json.loads(answered.out)["greeting"] == "Hello, Ada"
    assert plane.send("POST", "jsgreeter", body=b"{}").status == 401
    until(
        lambda: "fn=hellojs status=200" in plane.ok("logs", "jsgreeter").out,
        10.0,
        "its invocation is in the log",
    )
    failed = plane.cli("invoke", "jsgreeter", "-p", "[1")
    assert failed.code != 0
