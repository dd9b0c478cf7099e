"""Where a digest is sent, as the operator says it, and the bytes that are sent."""

import hashlib
import hmac
import json

import pytest

from setpoint.formats import digest_hook
from setpoint.formats.digest_hook import BODY_BYTES_MAX, Hook, hook
from setpoint.model.digest import Digest
from setpoint.model.errors import Invalid

SAID = {
    "SETPOINT_DIGEST_URL": "https://chat.example/hooks/s3cret-path",
    "SETPOINT_DIGEST_SECRET": "a-secret-of-some-length",
    "SETPOINT_DIGEST_FOR": "ana@example.com",
}
TOLD = Digest("ana@example.com", 100.0, 7, ("shop",), at_s=200.0)


def test_nobody_asked_for_one() -> None:
    assert hook({"PATH": "/bin", "SETPOINT_DATA": "/data"}) is None


def test_it_is_said_whole_and_its_secrets_are_in_no_representation() -> None:
    found = hook(SAID)
    assert found == Hook(
        *(SAID[k] for k in (digest_hook.URL, digest_hook.SECRET, digest_hook.PERSON))
    )
    assert "s3cret" not in repr(found)
    assert "length" not in repr(found)


@pytest.mark.parametrize(
    ("said", "fact"),
    [
        ({"SETPOINT_DIGEST_URL": ""}, "SETPOINT_DIGEST_URL is missing"),
        ({"SETPOINT_DIGEST_SECRET": ""}, "SETPOINT_DIGEST_SECRET is missing"),
        ({"SETPOINT_DIGEST_FOR": ""}, "SETPOINT_DIGEST_FOR is missing"),
        ({"SETPOINT_DIGEST_URL": "http://chat.example/s3cret"}, "is no https address"),
        ({"SETPOINT_DIGEST_URL": "https:///s3cret"}, "is no https address"),
        ({"SETPOINT_DIGEST_URL": "https://a.example/s3cret\r\nX: 1"}, "is no https address"),
        ({"SETPOINT_DIGEST_URL": "https://a.example/" + "s3cret" * 400}, "is no https address"),
        ({"SETPOINT_DIGEST_SECRET": "s3cret"}, "has fewer than 16 characters"),
        ({"SETPOINT_DIGEST_URI": "s3cret"}, "there is no setting SETPOINT_DIGEST_URI"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_not_repeated(said: dict[str, str], fact: str) -> None:
    with pytest.raises(Invalid) as refused:
        hook({**SAID, **said})
    assert fact in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_a_receiver_can_tell_that_it_is_ours_and_when_it_was_sent() -> None:
    found = hook(SAID)
    assert found is not None
    content = digest_hook.body(TOLD, ["needs you", "    d-1  look"])
    assert json.loads(content)["text"] == "needs you\n    d-1  look"
    headers = digest_hook.headers(found, TOLD, content, 1234.9)
    at, _, signature = headers["Setpoint-Signature"].partition(",v1=")
    expected = hmac.new(found.secret.encode(), b"1234." + content, hashlib.sha256).hexdigest()
    assert (at, signature) == ("t=1234", expected)
    again = digest_hook.headers(found, TOLD, content, 5678.0)
    assert again["Setpoint-Delivery"] == headers["Setpoint-Delivery"]
    assert again["Setpoint-Signature"] != headers["Setpoint-Signature"]


def test_it_is_bounded_and_says_where_the_rest_is() -> None:
    content = digest_hook.body(TOLD, ["\x1bü" * 100] * 5000)
    assert len(content) <= 8 * BODY_BYTES_MAX
    assert json.loads(content)["text"].endswith("more lines: setpoint digest")
