"""What happens around every handler: paths, bodies, tokens, headers, pages."""

import base64

import pytest

from setpoint.api import headers
from tests.support.plane import Plane
from tests.unit.api.conftest import Make


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    "authorization",
    ["Bearer root-token", "bearer root-token", basic("", "root-token"), basic("dev", "root-token")],
)
def test_tokens_come_as_bearer_or_as_a_password(plane: Plane, authorization: str) -> None:
    answer = plane.send("GET", "/account", token=None, headers={"Authorization": authorization})
    assert answer.status == 200
    assert answer.json["email"] == "dev@example.com"


def test_a_401_asks_for_basic_so_that_git_and_browsers_retry(plane: Plane) -> None:
    answer = plane.send("GET", "/account", token=None, headers={"Authorization": "Basic %%%"})
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Basic")


def test_an_encoded_slash_stays_in_its_segment(plane: Plane) -> None:
    answer = plane.send("GET", "/apps/a%2Fb")
    assert answer.status == 404
    assert "'a/b'" in answer.json["message"]


def test_an_unknown_route_and_a_wrong_method_answer_in_our_form(plane: Plane) -> None:
    unknown = plane.send("GET", "/nowhere")
    assert (unknown.status, unknown.json["id"]) == (404, "not_found")
    wrong = plane.send("DELETE", "/account")
    assert (wrong.status, wrong.json["id"]) == (405, "method_not_allowed")
    assert unknown.headers["request-id"]


def test_one_request_id_is_echoed_and_a_list_of_them_is_not(plane: Plane) -> None:
    one = plane.send("GET", "/account", headers={"Request-Id": "abc-1"})
    assert one.headers["request-id"] == "abc-1"
    many = plane.send("GET", "/account", headers={"Request-Id": "abc-1,def-2," + "x" * 7000})
    assert many.status == 200
    assert "," not in many.headers["request-id"]


@pytest.mark.parametrize("raw", [b"{", b"\xff\xfe", b'{"name": ', b"{'a': 1}"])
def test_a_body_that_is_no_json_is_one_clear_line(plane: Plane, raw: bytes) -> None:
    answer = plane.send("POST", "/apps", raw=raw)
    assert (answer.status, answer.json["id"]) == (400, "bad_request")
    assert answer.json["message"].startswith("cannot read the request body: ")
    assert "\n" not in answer.json["message"]


def test_unknown_fields_are_refused_by_name(plane: Plane) -> None:
    answer = plane.send("POST", "/apps", {"name": "shop", "colour": "red"})
    assert (answer.status, answer.json["id"]) == (422, "invalid_params")
    assert "colour" in answer.json["message"]
    assert plane.unit("shop") is None


def test_a_body_of_the_wrong_shape_is_refused(plane: Plane) -> None:
    answer = plane.send("POST", "/apps", {"name": 7})
    assert answer.status == 422
    assert "$.name" in answer.json["message"]


def test_a_body_beyond_the_limit_is_413_in_our_form(plane: Plane) -> None:
    answer = plane.send("POST", "/apps", raw=b" " * (8 * 1024 * 1024 + 1))
    assert (answer.status, answer.json["id"]) == (413, "request_too_large")


def test_lists_come_in_pages_that_can_be_followed(plane: Plane, app: Make) -> None:
    wanted = {app(f"page-{n}") for n in range(5)}
    found: set[str] = set()
    header: str | None = "id ..; max=2"
    while header:
        answer = plane.send("GET", "/apps", headers={"Range": header})
        found |= {a["id"] for a in answer.json}
        header = answer.headers.get("next-range")
        assert answer.status == (206 if header else 200)
    assert wanted <= found


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ("more room", "more room"),
        ("=?utf-8?b?w6ltYXVsdCDinJM=?=", "émault ✓"),
        ("=?utf-8?q?caf=C3=A9?=", "café"),
        ("café".encode().decode("latin-1"), "café"),
        ("=?nosuch?b?w6k=?=", "=?nosuch?b?w6k=?="),
        ("=?undefined?q?x?=", "=?undefined?q?x?="),
        ("=?punycode?q?a-999?=", "=?punycode?q?a-999?="),
        ("=?raw_unicode_escape?q?a=5Cud800b?=", "ab"),
        ("é", "é"),
    ],
)
def test_a_why_is_read_as_clients_manage_to_send_it(sent: str, why: str) -> None:
    assert headers.why(sent) == why


def test_a_why_is_bounded() -> None:
    assert len(headers.why("ü" * 60_000).encode()) <= headers.WHY_BYTES_MAX


@pytest.mark.parametrize(
    ("named", "agent", "via"),
    [
        ("cli", "setpoint/1", "cli"),
        ("", "heroku-cli/11.10.0 linux-x64", "heroku"),
        ("", "curl/8", "api"),
        ("controller", "curl/8", "api"),
    ],
)
def test_via_is_told_by_who_asks(named: str, agent: str, via: str) -> None:
    assert headers.via(named, agent) == via


def test_the_why_and_the_actor_reach_the_change(plane: Plane, app: Make) -> None:
    app("told")
    plane.send(
        "PATCH",
        "/apps/told/config-vars",
        {"A": "1"},
        token="write-token",
        headers={"Commit-Message": "=?utf-8?q?gr=C3=BC=C3=9Fe?=", "User-Agent": "heroku-cli/11"},
    )
    (newest, *_) = plane.send("GET", "/v1/changes?app=told").json
    asked = newest["change"]["asked"]
    assert (asked["why"], asked["via"], asked["actor"]["name"]) == ("grüße", "heroku", "hand")
    assert asked["why_source"] == "header"


def test_who_is_acted_for_is_kept_beside_who_asks(plane: Plane, app: Make) -> None:
    headers = {"X-Setpoint-On-Behalf-Of": "ana@example.com"}
    plane.send("POST", "/apps", {"name": "for-ana"}, headers=headers)
    (made,) = plane.send("GET", "/v1/changes?app=for-ana").json
    assert made["change"]["asked"]["on_behalf_of"] == "ana@example.com"
    too_long = plane.send(
        "POST", "/apps", {"name": "for-all"}, headers={"X-Setpoint-On-Behalf-Of": "x" * 501}
    )
    assert (too_long.status, plane.unit("for-all")) == (422, None)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_cannot_use_the_password_its_browser_remembers(plane: Plane, site: str) -> None:
    """An app's own page at <app>.localhost is of the same site as an API on localhost."""
    answer = plane.send("POST", "/apps", {"name": "forged"}, headers={"Sec-Fetch-Site": site})
    assert (answer.status, answer.json["id"]) == (403, "forbidden")
    assert plane.unit("forged") is None
    assert plane.send("GET", "/account", headers={"Sec-Fetch-Site": "none"}).status == 200
