"""The road: from intent to a running, reachable thing, to why. Through the real edge."""

import json

from tests.acceptance.plane import EXAMPLES, Plane


def test_a_function_answers_and_its_why_names_the_reason(plane: Plane, greeter: str) -> None:
    answered = plane.ok("invoke", greeter, "-p", json.dumps({"name": "Ada"}))
    assert "Ada" in answered.out
    told = plane.ok("why", greeter, "-n", "50").out
    assert "say hello" in told
    assert "hello of v1" in told or "v1 wants 1 hello" in told


def test_a_function_is_closed_to_callers_without_its_key(plane: Plane, greeter: str) -> None:
    refused = plane.send("POST", greeter, body=b"{}")
    assert refused.status == 401
    assert json.loads(refused.body)["id"]


def test_a_web_app_answers_and_config_makes_a_release(plane: Plane, shop: str) -> None:
    before = plane.info(shop)["release"]["version"]
    assert plane.get(shop).status == 200
    plane.ok("config", shop, "GREETING=Servus", "-m", "warmer")
    assert "Servus" in plane.get(shop).text
    assert plane.info(shop)["release"]["version"] == before + 1
    assert "warmer" in plane.ok("why", shop, "-n", "50").out


def test_scaling_starts_and_stops_instances(plane: Plane, shop: str) -> None:
    plane.ok("scale", shop, "web=2")
    assert sorted(d["name"] for d in plane.info(shop)["dynos"]) == ["web.1", "web.2"]
    plane.ok("scale", shop, "web=1")
    assert [d["name"] for d in plane.info(shop)["dynos"]] == ["web.1"]


def test_logs_name_source_and_dyno(plane: Plane, shop: str) -> None:
    plane.get(shop, "/only-for-the-log")
    lines = plane.ok("logs", shop, "-n", "200").out
    assert "heroku[router]" in lines
    assert "app[web.1]" in lines


def test_an_unknown_host_is_told_so_in_json(plane: Plane) -> None:
    answer = plane.get("nobody")
    assert answer.status == 404
    assert json.loads(answer.body)["id"]


def test_plan_says_what_would_happen_and_does_nothing(plane: Plane, shop: str) -> None:
    before = plane.info(shop)["generation"]
    planned = plane.ok("plan", str(EXAMPLES / "hello-web"), "-a", shop)
    assert "release" in planned.out
    assert plane.info(shop)["generation"] == before
