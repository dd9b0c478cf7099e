"""Drains at the doors: whole addresses for who may set them, and for nobody else anywhere."""

from urllib.parse import quote

import msgspec
import pytest

from setpoint.model.drain import Shipped
from setpoint.model.ids import AppId
from tests.support.plane import Answer, Plane
from tests.unit.api.conftest import Make
from tests.unit.api.test_access import account, let

SECRET = "hunter2hunter2"
URL = f"https://me:{SECRET}@logs.example.com/in?key=k1k1k1k1"


def add(plane: Plane, app: str, url: str = URL, **more: object) -> Answer:
    return plane.send("POST", f"/apps/{app}/log-drains", {"url": url}, **more)  # type: ignore[arg-type]


def test_what_was_written_is_read_back_by_id_token_and_address(plane: Plane, app: Make) -> None:
    app("drained")
    made = add(plane, "drained")
    assert made.status == 201
    drain = made.json
    assert drain.keys() == {"id", "url", "token", "created_at", "updated_at", "addon", "app"}
    assert (drain["url"], drain["token"], drain["addon"]) == (URL, f"d.{drain['id']}", None)
    where = "/apps/drained/log-drains"
    assert plane.send("GET", where).json == [drain]
    for name in (drain["id"], drain["token"], URL):
        assert plane.send("GET", f"{where}/{quote(name, safe='')}").json == drain
    gone = plane.send("DELETE", f"{where}/{quote(URL, safe='')}")
    assert (gone.status, gone.json) == (200, drain)
    assert plane.send("GET", where).json == []
    missing = plane.send("DELETE", f"{where}/{drain['id']}")
    assert (missing.status, missing.json["resource"]) == (404, "log_drain")


def test_a_drain_is_a_change_with_its_why_and_without_its_secret(plane: Plane, app: Make) -> None:
    app("reasoned")
    add(plane, "reasoned", headers={"Commit-Message": "Auditors want it kept"})
    change = plane.send("GET", "/v1/changes?app=reasoned").json[0]
    assert change["change"]["summary"] == "Add log drain to https://logs.example.com"
    assert change["change"]["asked"]["why"] == "Auditors want it kept"
    id = plane.send("GET", "/apps/reasoned/log-drains").json[0]["id"]
    told = plane.send("GET", f"/v1/why?resource=reasoned&field=drains.{id}.url").json
    assert "Auditors want it kept" in "\n".join(told["lines"])
    plane.send("DELETE", f"/apps/reasoned/log-drains/{id}")
    newest = plane.send("GET", "/v1/changes?app=reasoned").json[0]["change"]
    assert newest["summary"] == "Remove log drain to https://logs.example.com"


def test_no_part_of_an_address_that_tells_may_stand_in_a_why(plane: Plane, app: Make) -> None:
    app("discreet")
    for words in (f"it is {SECRET}", f"see {URL}", "the key k1k1k1k1"):
        refused = add(plane, "discreet", headers={"Commit-Message": words})
        assert (refused.status, refused.json["id"]) == (422, "why_contains_secret")
    assert add(plane, "discreet").status == 201
    refused = plane.send(
        "PATCH", "/apps/discreet", {"maintenance": True}, headers={"Commit-Message": SECRET}
    )
    assert refused.json["id"] == "why_contains_secret"


PAGES = (
    "/v1/apps/{0}",
    "/v1/apps/{0}/why",
    "/v1/apps/{0}/drains",
    "/v1/why?resource={0}",
    "/v1/why?resource={0}&field=drains",
    "/v1/why?resource={0}&field=drains.{1}.url&history=1&undo=1",
    "/v1/why?resource={0}&field=drains.{1}.to&undo=1",
    "/v1/changes?app={0}",
    "/v1/apps/{0}/declared",
    "/v1/timeline?resource={0}",
    "/v1/status",
    "/v1/digest",
    "/v1/metrics",
    "/apps/{0}",
    "/apps/{0}/log-drains",
    "/apps/{0}/releases",
)


def test_who_may_only_look_sees_where_it_goes_and_no_secret(plane: Plane, app: Make) -> None:
    app("watched-drain")
    made = add(plane, "watched-drain").json
    tokens = {role: account(plane, f"{role}-of-drains@example.com") for role in ("view", "deploy")}
    for role in tokens:
        let(plane, "watched-drain", f"{role}-of-drains@example.com", role)
    tokens["read"] = account(plane, "reader-of-drains@example.com", "read", admin=True)
    for token in tokens.values():
        (seen,) = plane.send("GET", "/apps/watched-drain/log-drains", token=token).json
        assert seen == {**made, "url": "https://logs.example.com"}
        (told,) = plane.send("GET", "/v1/apps/watched-drain/drains", token=token).json
        assert (told["to"], told["url"]) == ("https://logs.example.com",) * 2
        for page in PAGES:
            path = page.format("watched-drain", made["id"])
            body = plane.send("GET", path, token=token).body.decode()
            assert SECRET not in body, page
            assert "k1k1" not in body, page
    assert SECRET not in plane.send("GET", "/v1/snapshot?app=watched-drain").body.decode()
    admins = ("/v1/apps/{0}/drains", "/apps/{0}/log-drains")
    for page in PAGES:
        body = plane.send("GET", page.format("watched-drain", made["id"])).body.decode()
        assert (SECRET in body) == (page in admins), page


@pytest.mark.parametrize(
    ("url", "status", "fact"),
    [
        ("http://logs.example.com", 422, "that is no address for it"),
        ("https://127.0.0.1/x", 422, "127.0.0.1 is not a public address"),
        ("syslog://[::1]:514", 422, "::1 is not a public address"),
        ("syslog://localhost:514", 422, "localhost is not a public address"),
        ("", 422, "that is no address for it"),
        ("https:///x", 422, "that is no address"),
    ],
)
def test_what_cannot_be_sent_to_is_refused(
    plane: Plane, app: Make, url: str, status: int, fact: str
) -> None:
    if plane.send("GET", "/apps/refused-drain").status == 404:
        app("refused-drain")
    refused = add(plane, "refused-drain", url)
    assert refused.status == status
    assert fact in refused.json["message"]


def test_nothing_is_sent_to_one_address_twice_nor_to_too_many(plane: Plane, app: Make) -> None:
    app("many-drains")
    for number in range(10):
        assert add(plane, "many-drains", f"syslog://logs{number}.example.com").status == 201
    twice = add(plane, "many-drains", "syslog://logs3.example.com")
    assert (twice.status, twice.json["id"]) == (422, "over_limit")
    plane.send("DELETE", "/apps/many-drains/log-drains/syslog%3A%2F%2Flogs9.example.com")
    twice = add(plane, "many-drains", "syslog://logs3.example.com")
    assert (twice.status, twice.json["id"]) == (409, "conflict")
    assert "to that address already" in twice.json["message"]
    told = plane.send("GET", "/apps/many-drains/log-drains").json
    assert [d["url"] for d in told] == [f"syslog://logs{n}.example.com" for n in range(9)]


def test_what_came_of_it_is_told_in_every_place(plane: Plane, app: Make) -> None:
    id = app("failing-drain")
    drain = add(plane, "failing-drain").json["id"]
    (new,) = plane.send("GET", "/v1/apps/failing-drain/drains").json
    assert (new["state"], new["delivered"]) == ("new", 0)
    now_s = plane._loop.time()
    state = Shipped(drain, AppId(id), None, 12, 3, 0, 7, now_s - 400)
    plane.call(plane.store.record_shipped([state]))
    (told,) = plane.send("GET", "/v1/apps/failing-drain/drains").json
    assert (told["state"], told["delivered"], told["dropped"]) == ("delivering", 12, 3)
    good = conditions(plane, "failing-drain")["Delivering"]
    assert (good["status"], good["reason"]) == (True, "Delivering")
    broken = msgspec.structs.replace(
        state, failing_since_s=now_s - 301, error="https://logs.example.com answers 500"
    )
    plane.call(plane.store.record_shipped([broken]))
    (told,) = plane.send("GET", "/v1/apps/failing-drain/drains").json
    assert (told["state"], told["retries"]) == ("failing", 7)
    found = conditions(plane, "failing-drain")["Delivering"]
    assert (found["status"], found["reason"]) == (False, "DrainFailing")
    assert "https://logs.example.com takes nothing of the log: " in found["message"]
    field = f"/v1/why?resource=failing-drain&field=drains.{drain}.url"
    lines = "\n".join(plane.send("GET", field).json["lines"])
    assert "12 lines delivered, 3 dropped, failing: https://logs.example.com answers 500" in lines
    metrics = plane.send("GET", "/v1/metrics").body.decode()
    labels = f'app="failing-drain",drain="{drain}"'
    assert f'setpoint_drain_lines_total{{{labels},outcome="delivered"}} 12.0' in metrics
    assert f'setpoint_drain_lines_total{{{labels},outcome="dropped"}} 3.0' in metrics
    assert f"setpoint_drain_retries_total{{{labels}}} 7.0" in metrics
    assert f"setpoint_drain_failing{{{labels}}} 1.0" in metrics
    stranger = account(plane, "stranger-to-drains@example.com")
    assert drain not in plane.send("GET", "/v1/metrics", token=stranger).body.decode()


def test_an_app_that_sends_nothing_has_no_condition_of_it(plane: Plane, app: Make) -> None:
    app("quiet-drain")
    assert "Delivering" not in conditions(plane, "quiet-drain")


def conditions(plane: Plane, name: str) -> dict[str, dict[str, object]]:
    return {c["type"]: c for c in plane.send("GET", f"/v1/apps/{name}").json["conditions"]}
