import base64
import json
from datetime import UTC, datetime
from urllib.parse import quote, quote_plus

import pytest

from setpoint.formats.cloudevents import Invocation, extra_info, headers

EVENT = Invocation(id="e-1", function="greet", at_s=1_790_000_000.25)


def unpacked(value: str) -> dict[str, object]:
    return json.loads(base64.b64decode(value, validate=True))


def test_the_contexts_hold_every_key_that_the_official_runtimes_insist_on() -> None:
    sent = headers(EVENT)
    context = unpacked(sent["ce-sfcontext"])
    user = context["userContext"]
    assert isinstance(user, dict)
    assert {"apiVersion", "payloadVersion"} <= context.keys()
    assert {"orgId", "userId", "username", "salesforceBaseUrl", "orgDomainUrl"} <= user.keys()
    function = unpacked(sent["ce-sffncontext"])
    assert {"accessToken", "requestId"} <= function.keys()
    assert function["requestId"] == sent["ce-id"] == "e-1"


def test_the_event_is_binary_mode_json_with_a_time_that_python_reads() -> None:
    sent = headers(EVENT)
    assert sent["ce-type"] == "com.salesforce.function.invoke.sync"
    assert sent["content-type"] == sent["ce-datacontenttype"] == "application/json"
    assert datetime.fromisoformat(sent["ce-time"]) == datetime.fromtimestamp(EVENT.at_s, UTC)


INFO = {"requestId": "e-1", "stack": "a + b%20ü", "statusCode": 500}


@pytest.mark.parametrize(
    ("value", "runtime"),
    [
        (json.dumps(INFO), "python"),
        (quote(json.dumps(INFO)), "python"),
        (quote(json.dumps(INFO), safe="+"), "node"),
        (quote_plus(json.dumps(INFO)), "java"),
    ],
)
def test_extra_info_is_read_as_each_runtime_writes_it(value: str, runtime: str) -> None:
    assert extra_info(value, runtime) == INFO


@pytest.mark.parametrize("value", ["", "[1]", "no json", "%7Bhalf"])
def test_extra_info_that_is_none_is_empty(value: str) -> None:
    assert extra_info(value) == {}
