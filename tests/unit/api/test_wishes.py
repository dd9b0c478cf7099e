"""What an app asks of wherever it runs: kept, told where it cannot be had, and explained."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from setpoint.testing.supervisor import CAPABILITIES
from tests.support.plane import Plane
from tests.support.waiting import until
from tests.unit.api.conftest import Make


@pytest.fixture
def offers(plane: Plane) -> Iterator[Any]:
    """Says what the machine has, from the next look on."""

    def offer(**capabilities: object) -> None:
        plane.supervisor.capabilities = msgspec.structs.replace(CAPABILITIES, **capabilities)

    yield offer
    offer()


def gaps(plane: Plane, app: str) -> dict[str, dict[str, Any]]:
    told = plane.send("GET", f"/v1/gaps?app={app}").json["capabilities"]
    return {d["capability"]: d["gaps"][0]["unmet"] for d in told}


def state(plane: Plane, app: str) -> str:
    return plane.send("GET", f"/v1/apps/{app}").json["state"]


def why(plane: Plane, app: str, path: str) -> dict[str, Any]:
    return plane.send("GET", f"/v1/why?resource={app}&field={path}").json["field"]


# --- region -------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["eu", {"name": "eu"}, {"id": "eu"}])
def test_a_region_is_kept_told_and_not_believed_to_be_where_it_is_not(
    plane: Plane, said: object
) -> None:
    made = plane.send("POST", "/apps", {"region": said})
    assert made.status == 201, made.body
    name = made.json["name"]
    assert made.json["region"]["name"] == "local"
    until(lambda: "regions" in gaps(plane, name))
    told = gaps(plane, name)["regions"]
    assert (told["wanted"], told["nearest"]) == ("eu", "local")
    assert "this machine" in told["because"]
    assert why(plane, name, "region")["value"] == "eu"
    patched = plane.send("PATCH", f"/apps/{name}", {"region": "local"})
    assert patched.status == 200
    until(lambda: gaps(plane, name) == {})
    for nonsense in (5, [], {}, {"name": 5}, True):
        refused = plane.send("PATCH", f"/apps/{name}", {"region": nonsense})
        assert (refused.status, "region is neither" in refused.json["message"]) == (422, True)
    assert why(plane, name, "region")["value"] == "local"
    assert plane.send("PATCH", f"/apps/{name}", {"region": ""}).status == 200
    assert why(plane, name, "region")["value"] is None


def test_the_region_there_is_may_be_said_by_its_id(plane: Plane) -> None:
    (here,) = plane.send("GET", "/regions").json
    made = plane.send("POST", "/apps", {"region": here["id"]}).json
    assert made["region"] == {"id": here["id"], "name": "local"}
    until(lambda: state(plane, made["name"]) == "settled")
    assert gaps(plane, made["name"]) == {}


def test_what_is_no_name_of_a_region_is_refused_and_nothing_is_written(plane: Plane) -> None:
    refused = plane.send("POST", "/apps", {"name": "nowhere", "region": "E U"})
    assert (refused.status, refused.json["id"]) == (422, "invalid_params")
    assert "no name of a region" in refused.json["message"]
    assert plane.send("GET", "/apps/nowhere").status == 404


# --- isolation level ----------------------------------------------------------------------------


def test_an_app_stops_where_its_level_goes_and_comes_back_with_it(
    plane: Plane, deployed: Make, offers: Any
) -> None:
    deployed("walled")
    other = plane.send("GET", "/v1/apps/walled").json["dynos"][0]["id"]
    put = plane.send("PUT", "/v1/apps/walled/isolation", {"level_min": "L3"})
    assert put.json == {"level_min": "L3", "offered": "L3"}
    until(lambda: state(plane, "walled") == "settled")
    offers(level="L2")
    until(lambda: state(plane, "walled") == "stalled")
    until(lambda: plane.send("GET", "/v1/apps/walled").json["dynos"] == [])
    detail = plane.send("GET", "/v1/apps/walled").json
    conditions = {c["type"]: c for c in detail["conditions"]}
    assert (conditions["Satisfiable"]["status"], conditions["Stalled"]["reason"]) == (
        False,
        "LevelTooLow",
    )
    told = gaps(plane, "walled")["level"]
    assert (told["wanted"], told["offered"], told["nearest"]) == ("L3", "L2", "L2")
    assert why(plane, "walled", "isolation_level_min")["value"] == "L3"
    for where in ("/apps/walled/dynos", "/v1/apps/walled/jobs"):
        refused = plane.send("POST", where, {"command": "tidy"})
        assert (refused.status, refused.json["id"]) == (409, "conflict")
        assert "at isolation level L3 at least" in refused.json["message"]
    offers()
    until(lambda: state(plane, "walled") == "settled")
    until(lambda: len(plane.send("GET", "/v1/apps/walled").json["dynos"]) == 1)
    assert plane.send("GET", "/v1/apps/walled").json["dynos"][0]["id"] != other
    assert gaps(plane, "walled") == {}


def test_a_draft_tells_before_anything_is_asked_what_would_fall_short(
    plane: Plane, app: Make, offers: Any
) -> None:
    app("wary")
    offers(level="L2")
    until(lambda: plane.send("GET", "/v1/apps/wary/isolation").json["offered"] == "L2")
    refused = plane.send("PUT", "/v1/apps/wary/isolation", {"level_min": "L9"})
    assert (refused.status, "'L9' is no level" in refused.json["message"]) == (422, True)
    assert "L3 is root" in refused.body.decode()
    heroku = {"User-Agent": "heroku/11.0.0"}
    plane.send("PUT", "/v1/apps/wary/isolation", {"level_min": "L3"}, headers=heroku)
    until(lambda: "level" in gaps(plane, "wary"))
    plane.send("PUT", "/v1/apps/wary/isolation", {"level_min": ""})
    until(lambda: gaps(plane, "wary") == {})


# --- certificates by themselves -----------------------------------------------------------------


def test_automatic_certificates_are_wished_for_and_each_domain_says_what_falls_short(
    plane: Plane, app: Make
) -> None:
    app("secure")
    host = "www.secure.example"
    asked = {"hostname": host, "sni_endpoint": None}
    assert plane.send("POST", "/apps/secure/domains", asked).status == 201
    assert plane.send("POST", "/apps/secure/acm").json["acm"] is True
    until(lambda: "tls_hosts" in gaps(plane, "secure"))
    told = gaps(plane, "secure")["tls_hosts"]
    assert told["wanted"] == f"a certificate for {host}"
    assert "certs:add" in told["workaround"] or "certs:add" in told["because"]
    read = plane.send("GET", f"/apps/secure/domains/{host}").json
    assert read["acm_status"] == "failing"
    assert "certs:add" in read["acm_status_reason"]
    assert plane.send("PATCH", "/apps/secure/acm").status == 200
    assert plane.send("DELETE", "/apps/secure/acm").json["acm"] is False
    until(lambda: gaps(plane, "secure") == {})
    assert plane.send("GET", f"/apps/secure/domains/{host}").json["acm_status"] is None
