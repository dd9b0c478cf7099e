"""Apps that begin from an app.json: by a first deploy, at once, or as a branch's review app."""

import json
from typing import Any

import pytest

from setpoint.model.app import Unit
from tests.support.plane import Answer, Plane
from tests.support.waiting import until
from tests.unit.api.conftest import Make, upload
from tests.unit.api.test_access import account
from tests.unit.formats.test_app_setup import packed

SAID = {
    "env": {
        "GREETING": {"value": "hello", "description": "what it says"},
        "KEY": {"generator": "secret"},
        "TAKEN": "by the file",
    },
    "formation": {"web": {"quantity": 2}},
    "scripts": {"postdeploy": "python seed.py"},
}


def source(plane: Plane, said: object, salt: str = "") -> str:
    data = said if isinstance(said, bytes) else json.dumps(said).encode()
    return upload(plane, packed({"app.json": data, "salt": salt.encode()}))


def unit(plane: Plane, name: str) -> Unit:
    found = plane.unit(name)
    assert found is not None
    return found


def build(plane: Plane, app: str, url: str) -> Answer:
    return plane.send("POST", f"/apps/{app}/builds", {"source_blob": {"url": url}})


def scripts(plane: Plane, app: str) -> list[tuple[str, str, str]]:
    jobs = plane.call(plane.store.jobs(unit(plane, app).id))
    return [(j.dyno.partition(".")[0], j.command, j.state) for j in jobs if j.kind == "script"]


def test_the_first_deploy_begins_the_app_in_one_change_and_keeps_what_was_set(
    plane: Plane, app: Make
) -> None:
    app("begun")
    plane.send("PATCH", "/apps/begun/config-vars", {"TAKEN": "by hand"})
    before = unit(plane, "begun")
    assert build(plane, "begun", source(plane, SAID, "begun")).status == 201
    after = unit(plane, "begun")
    assert after.generation == before.generation + 1
    config = plane.config("begun")
    assert (config["GREETING"], config["TAKEN"]) == ("hello", "by hand")
    assert config["KEY"] not in ("", "secret")
    assert (after.intent.formation["web"].min, after.intent.formation["web"].max) == (2, 2)
    why = plane.send("GET", "/v1/apps/begun/why?path=config.GREETING").body.decode()
    assert "app.json, what it says" in why
    until(lambda: scripts(plane, "begun") == [("postdeploy", "python seed.py", "succeeded")])


def test_later_deploys_leave_what_is_set_and_run_no_script_again(plane: Plane, app: Make) -> None:
    app("later-on")
    build(plane, "later-on", source(plane, SAID, "later-on"))
    until(lambda: len(scripts(plane, "later-on")) == 1)
    plane.send("PATCH", "/apps/later-on/config-vars", {"GREETING": None})
    news = {**SAID, "formation": {"web": {"quantity": 5}}}
    build(plane, "later-on", source(plane, news, "later-on-2"))
    until(lambda: plane.send("GET", "/v1/apps/later-on").json["state"] == "settled")
    assert "GREETING" not in plane.config("later-on")
    assert unit(plane, "later-on").intent.formation["web"].max == 2
    assert len(scripts(plane, "later-on")) == 1


@pytest.mark.parametrize(
    "said",
    [b"{", {"env": {"A": 7}}, {"formation": {"web": {"quantity": 9000}}}],
)
def test_a_file_that_cannot_be_heeded_refuses_the_first_deploy_and_changes_nothing(
    plane: Plane, app: Make, said: object
) -> None:
    if plane.unit("unheeded") is None:
        app("unheeded")
    before = unit(plane, "unheeded")
    refused = build(plane, "unheeded", source(plane, said, "unheeded"))
    assert (refused.status, refused.json["id"]) == (422, "invalid_params")
    assert unit(plane, "unheeded") == before


def setup(plane: Plane, url: str, **wish: Any) -> Answer:
    return plane.send("POST", "/app-setups", {"source_blob": {"url": url}, **wish})


def done(plane: Plane, id: str) -> dict[str, Any]:
    where = f"/app-setups/{id}"
    until(lambda: plane.send("GET", where).json["status"] != "pending")
    return plane.send("GET", where).json


def test_an_app_is_set_up_at_once_and_its_script_is_waited_for(plane: Plane) -> None:
    wish = {
        "app": {"name": "set-up-once"},
        "overrides": {"env": {"GREETING": "moin", "MORE": "1"}},
    }
    made = setup(plane, source(plane, SAID, "set-up"), **wish)
    assert (made.status, made.json["status"]) == (202, "pending"), made.body
    came = done(plane, made.json["id"])
    assert (came["status"], came["app"]["name"]) == ("succeeded", "set-up-once")
    assert came["build"]["status"] == "succeeded"
    assert came["postdeploy"]["exit_code"] == 0
    config = plane.config("set-up-once")
    assert (config["GREETING"], config["MORE"], config["TAKEN"]) == ("moin", "1", "by the file")


def test_what_is_required_is_asked_for_before_there_is_an_app(plane: Plane) -> None:
    said = {"env": {"TOKEN": {"description": "of the bank"}}}
    url = source(plane, said, "required")
    refused = setup(plane, url, app={"name": "required-one"})
    assert refused.status == 422
    assert "app.json wants TOKEN" in refused.json["message"]
    assert plane.unit("required-one") is None
    overrides = {"env": {"TOKEN": "x"}}
    assert setup(plane, url, app={"name": "required-one"}, overrides=overrides).status == 202
    assert plane.send("GET", "/app-setups/nosuch").json["resource"] == "app_setup"


def test_a_setup_whose_build_fails_says_so(plane: Plane) -> None:
    plane.supervisor.build_error = "no such package"
    try:
        made = setup(plane, source(plane, {}, "fails"), app={"name": "failing-setup"})
        came = done(plane, made.json["id"])
    finally:
        plane.supervisor.build_error = ""
    assert came["status"] == "failed"
    assert "no such package" in came["failure_message"]


# --- review apps ---------------------------------------------------------------------------------

REVIEWED = {
    "env": {"KIND": "any"},
    "scripts": {"postdeploy": "seed", "pr-predestroy": "say-goodbye"},
    "environments": {"review": {"env": {"KIND": "review"}}},
}


def line(plane: Plane, name: str) -> str:
    made = plane.send("POST", "/pipelines", {"name": name})
    assert made.status == 201, made.body
    return made.json["id"]


def test_a_branch_has_its_review_app_which_ends_with_its_script(plane: Plane) -> None:
    id = line(plane, "reviewed-line")
    url = source(plane, REVIEWED, "review")
    wish = {"branch": "feature/grüße", "pipeline": id, "source_blob": {"url": url}}
    made = plane.send("POST", "/review-apps", {**wish, "environment": {"EXTRA": "1"}})
    assert (made.status, made.json["status"]) == (201, "creating"), made.body
    where, name = f"/review-apps/{made.json['id']}", made.json["app"]["name"]
    until(lambda: plane.send("GET", where).json["status"] == "created")
    assert plane.config(name) == {"KIND": "review", "EXTRA": "1"}
    assert plane.send("GET", f"/apps/{name}/review-app").json == plane.send("GET", where).json
    (listed,) = plane.send("GET", f"/pipelines/{id}/review-apps").json
    assert listed["branch"] == "feature/grüße"
    coupling = plane.send("GET", f"/apps/{name}/pipeline-couplings").json
    assert coupling["stage"] == "review"
    app = unit(plane, name).id
    ended = plane.send("DELETE", where)
    assert (ended.status, ended.json["status"]) == (200, "deleting")
    until(lambda: plane.send("GET", where).status == 404)
    jobs = plane.call(plane.store.jobs(app))
    came = {j.command: j.state for j in jobs if j.kind == "script"}
    assert came == {"seed": "succeeded", "say-goodbye": "succeeded"}


def test_who_sees_no_pipeline_makes_no_review_app_in_it(plane: Plane) -> None:
    id = line(plane, "closed-line")
    url = source(plane, {}, "closed")
    wish = {"branch": "main", "pipeline": id, "source_blob": {"url": url}}
    stranger = account(plane, "reviewer@example.com")
    assert plane.send("POST", "/review-apps", wish, token=stranger).status == 404
    made = plane.send("POST", "/review-apps", {**wish, "pr_number": 7})
    assert made.json["app"]["name"].startswith("closed-line-pr-7-")
    where = f"/review-apps/{made.json['id']}"
    for method in ("GET", "DELETE"):
        assert plane.send(method, where, token=stranger).status == 404
    for branch in ("", "x" * 300, "a\nb"):
        assert plane.send("POST", "/review-apps", {**wish, "branch": branch}).status == 422
    assert plane.send("GET", "/review-apps/nosuch").status == 404


def test_an_ordinary_app_is_no_review_app(plane: Plane, app: Make) -> None:
    app("ordinary-one")
    assert plane.send("GET", "/apps/ordinary-one/review-app").json["resource"] == "review_app"
