"""Pipelines, couplings and promotions, as Heroku's clients ask for them."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from setpoint.model.app import Unit
from setpoint.model.release import ProcessType
from setpoint.testing.programs import BREAKING
from tests.support.plane import Answer, Plane
from tests.support.waiting import until
from tests.unit.api.conftest import Make, deploy
from tests.unit.api.test_access import account, let

NUMBERS = itertools.count(1)
Line = Callable[..., str]


@pytest.fixture
def line(plane: Plane, app: Make) -> Line:
    """Creates a pipeline of that name with these apps, by stage; its id."""

    def make(name: str, **stages: str) -> str:
        made = plane.send("POST", "/pipelines", {"name": name, "owner": me(plane)})
        assert made.status == 201, made.body
        for stage, one in stages.items():
            app(one)
            couple(plane, one, made.json["id"], stage)
        return made.json["id"]

    return make


def me(plane: Plane) -> dict[str, str]:
    return {"id": plane.send("GET", "/users/~").json["id"], "type": "user"}


def couple(plane: Plane, app: str, pipeline: str, stage: str, token: str = "root-token") -> Answer:
    wish = {"app": app, "pipeline": pipeline, "stage": stage}
    return plane.send("POST", "/pipeline-couplings", wish, token=token)


def ids(plane: Plane, *apps: str) -> list[dict[str, dict[str, str]]]:
    return [{"app": {"id": plane.send("GET", f"/apps/{app}").json["id"]}} for app in apps]


def promote(
    plane: Plane, source: str, *to: str, token: str = "root-token", **headers: str
) -> Answer:
    of = plane.send("GET", f"/apps/{source}/pipeline-couplings").json
    pipeline = of.get("pipeline", {"id": "none"})["id"]
    wish = {
        "pipeline": {"id": pipeline},
        "source": ids(plane, source)[0],
        "targets": ids(plane, *to),
    }
    return plane.send("POST", "/pipeline-promotions", wish, token=token, headers=headers)


def came(plane: Plane, promotion: Answer) -> list[dict[str, Any]]:
    """Of each target, once there is an end to it."""
    assert promotion.status == 201, promotion.body
    where = f"/pipeline-promotions/{promotion.json['id']}"

    def targets() -> list[dict[str, Any]]:
        return plane.send("GET", f"{where}/promotion-targets").json

    until(lambda: all(target["status"] != "pending" for target in targets()))
    assert plane.send("GET", where).json["status"] == "completed"
    return targets()


def unit(plane: Plane, name: str) -> Unit:
    found = plane.unit(name)
    assert found is not None
    return found


def newest(plane: Plane, app: str) -> dict[str, Any]:
    return plane.send("GET", f"/apps/{app}/releases").json[-1]


# --- pipelines -----------------------------------------------------------------------------------


def test_a_pipeline_is_created_found_renamed_and_destroyed_and_its_apps_go_on(
    plane: Plane, line: Line
) -> None:
    id = line("first-line", staging="first-stage", production="first-prod")
    by_id, by_name = (plane.send("GET", f"/pipelines/{one}").json for one in (id, "first-line"))
    assert by_id == by_name
    assert by_id["owner"] == me(plane)
    assert plane.send("GET", "/pipelines?eq[name]=first-line").json == [by_id]
    assert plane.send("GET", "/pipelines?eq[name]=no-such-line").json == []
    couplings = plane.send("GET", f"/pipelines/{id}/pipeline-couplings").json
    assert {c["stage"] for c in couplings} == {"staging", "production"}
    everywhere = plane.send("GET", "/users/~/pipeline-couplings").json
    assert all(c in everywhere for c in couplings)
    renamed = plane.send("PATCH", f"/pipelines/{id}", {"name": "renamed-line"})
    assert renamed.json["name"] == "renamed-line"
    gone = plane.send("DELETE", f"/pipelines/{id}", {"name": "renamed-line"})
    assert (gone.status, gone.json["id"]) == (200, id)
    assert plane.send("GET", f"/pipelines/{id}").status == 404
    assert unit(plane, "first-stage").intent.pipeline is None
    assert plane.send("GET", "/apps/first-stage/pipeline-couplings").json["resource"] == (
        "pipeline_coupling"
    )
    touched = plane.send("GET", "/v1/apps/first-stage/why?path=pipeline.stage&history=1")
    assert "Destroy pipeline renamed-line" in touched.body.decode()


@pytest.mark.parametrize("name", ["", "ab", "Upper", "9lives", "a" * 31, "grüße", "a b", "a\nb"])
def test_a_name_that_is_none_is_refused(plane: Plane, name: str) -> None:
    refused = plane.send("POST", "/pipelines", {"name": name})
    assert (refused.status, refused.json["id"]) == (422, "invalid_params")
    assert "is no name for a pipeline" in refused.json["message"]


def test_a_name_is_ones_own_once(plane: Plane, line: Line) -> None:
    line("only-once")
    again = plane.send("POST", "/pipelines", {"name": "only-once"})
    assert again.status == 409
    other = account(plane, "line-owner@example.com")
    assert plane.send("POST", "/pipelines", {"name": "only-once"}, token=other).status == 201
    second = line("not-taken")
    assert plane.send("PATCH", f"/pipelines/{second}", {"name": "only-once"}).status == 409


def test_an_app_is_at_one_stage_of_one_pipeline(plane: Plane, line: Line) -> None:
    id, other = line("stages-line", development="staged"), line("other-line")
    twice = couple(plane, "staged", other, "staging")
    assert (twice.status, "it is in one already" in twice.json["message"]) == (409, True)
    coupling = plane.send("GET", "/apps/staged/pipeline-couplings").json
    where = f"/pipeline-couplings/{coupling['id']}"
    assert plane.send("GET", where).json == coupling
    for stage in ("nowhere", "", "STAGING", "prod\n", "Bühne"):
        refused = plane.send("PATCH", where, {"stage": stage} if stage else {"stage": "-"})
        assert (refused.status, "is no stage" in refused.json["message"]) == (422, True)
    moved = plane.send("PATCH", where, {"stage": "staging"})
    assert (moved.json["stage"], moved.json["pipeline"]["id"]) == ("staging", id)
    assert plane.send("DELETE", where).status == 200
    assert plane.send("DELETE", where).status == 404
    assert couple(plane, "staged", other, "staging").status == 201


def test_a_pipeline_is_handed_over_to_an_account(plane: Plane, line: Line) -> None:
    id = line("handed-line")
    account(plane, "heir@example.com")
    heir = plane.send("GET", "/users/heir@example.com").json
    assert heir["email"] == "heir@example.com"
    stranger = account(plane, "no-heir@example.com")
    assert plane.send("GET", "/users/heir@example.com", token=stranger).status == 404
    to = {"id": heir["id"], "type": "user"}
    done = plane.send("POST", "/pipeline-transfers", {"pipeline": {"id": id}, "new_owner": to})
    assert done.status == 201, done.body
    assert plane.send("GET", f"/pipelines/{id}").json["owner"] == done.json["new_owner"]
    nobody = {"id": "nobody@example.com", "type": "user"}
    wish = {"pipeline": {"id": id}, "new_owner": nobody}
    assert plane.send("POST", "/pipeline-transfers", wish).status == 422


# --- promotions ----------------------------------------------------------------------------------


def test_the_same_slug_goes_to_the_next_stage_and_nothing_is_built_for_it(
    plane: Plane, line: Line
) -> None:
    line("slug-line", staging="slug-stage", production="slug-prod")
    plane.send("PATCH", "/apps/slug-prod/config-vars", {"WHERE": "production"})
    deploy(plane, "slug-stage")
    (target,) = came(plane, promote(plane, "slug-stage", **{"Commit-Message": "it held a day"}))
    assert (target["status"], target["error_message"]) == ("succeeded", None)
    release = newest(plane, "slug-prod")
    assert target["release"]["id"] == release["id"]
    assert release["description"].startswith("Promote slug-stage v1 ")
    ours, theirs = unit(plane, "slug-prod"), unit(plane, "slug-stage")
    (row,), (of,) = (plane.call(plane.store.releases(u.id)) for u in (ours, theirs))
    assert (row.slug, row.source) == (of.slug, of.source)
    assert plane.send("GET", "/apps/slug-prod/builds").json == []
    assert plane.config("slug-prod") == {"WHERE": "production"}
    why = plane.send("GET", "/v1/apps/slug-prod/why?path=source.digest").body.decode()
    assert "it held a day" in why
    assert "Promote slug-stage v1" in why


def test_a_promotion_is_gone_back_from_as_from_any_release(plane: Plane, line: Line) -> None:
    line("back-line", staging="back-stage", production="back-prod")
    deploy(plane, "back-prod", b"older")
    deploy(plane, "back-stage", b"newer")
    came(plane, promote(plane, "back-stage"))
    back = plane.send("POST", "/apps/back-prod/releases", {"release": "v1"})
    assert back.status == 201
    rows = plane.call(plane.store.releases(unit(plane, "back-prod").id))
    assert rows[0].slug == rows[2].slug != rows[1].slug
    until(lambda: newest(plane, "back-prod")["status"] == "succeeded")
    assert came(plane, promote(plane, "back-stage"))[0]["status"] == "succeeded"
    forward = plane.call(plane.store.releases(unit(plane, "back-prod").id))
    assert forward[0].slug == rows[1].slug


def test_config_that_is_set_after_a_promotion_releases_the_promoted_slug(
    plane: Plane, line: Line
) -> None:
    line("later-line", staging="later-stage", production="later-prod")
    deploy(plane, "later-stage")
    came(plane, promote(plane, "later-stage"))
    plane.send("PATCH", "/apps/later-prod/config-vars", {"LATER": "1"})
    until(lambda: newest(plane, "later-prod")["version"] == 2)
    rows = plane.call(plane.store.releases(unit(plane, "later-prod").id))
    assert rows[0].slug == rows[1].slug
    assert plane.send("GET", "/apps/later-prod/builds").json == []


def test_the_release_phase_runs_in_each_target_and_its_output_has_an_address(
    plane: Plane, line: Line
) -> None:
    plane.supervisor.processes = (
        ProcessType("web", "web", "serve"),
        ProcessType("release", "release", "migrate"),
    )
    try:
        line("phase-line", staging="phase-stage", production="phase-prod")
        deploy(plane, "phase-stage")
        (target,) = came(plane, promote(plane, "phase-stage"))
    finally:
        plane.supervisor.processes = (ProcessType("web", "web", "serve"),)
    assert target["status"] == "succeeded"
    release = plane.send("GET", f"/apps/phase-prod/releases/{target['release']['id']}").json
    assert release["output_stream_url"].endswith("/output")
    jobs = plane.call(plane.store.jobs(unit(plane, "phase-prod").id))
    assert [(job.kind, job.release) for job in jobs] == [("release", 1)]


def test_a_target_whose_own_config_breaks_it_fails_and_keeps_what_served(
    plane: Plane, line: Line, app: Make
) -> None:
    id = line("broken-line", staging="broken-stage", production="broken-prod")
    app("fine-prod")
    couple(plane, "fine-prod", id, "production")
    deploy(plane, "broken-prod", b"before")
    deploy(plane, "broken-stage", b"after")
    plane.send("PATCH", "/apps/broken-prod/config-vars", {BREAKING: "1"})
    until(lambda: newest(plane, "broken-prod")["status"] == "failed")
    targets = came(plane, promote(plane, "broken-stage"))
    names = {unit(plane, name).id: name for name in ("broken-prod", "fine-prod")}
    status = {names[target["app"]["id"]]: target["status"] for target in targets}
    assert status == {"broken-prod": "failed", "fine-prod": "succeeded"}
    (failed,) = [target for target in targets if target["status"] == "failed"]
    assert "web" in failed["error_message"]
    releases = plane.send("GET", "/v1/apps/broken-prod").json["releases"]
    assert [r["label"] for r in releases if r["current"]] == ["v1"]


@pytest.mark.parametrize(
    ("to", "fact"),
    [
        ("alone", "there is no app"),
        ("bad-stage", "it cannot be promoted to itself"),
    ],
)
def test_a_promotion_that_cannot_be_is_refused_as_a_whole(
    plane: Plane, line: Line, app: Make, to: str, fact: str
) -> None:
    if plane.unit("bad-stage") is None:
        line("bad-line", staging="bad-stage", production="bad-prod")
        app("alone")
        deploy(plane, "bad-stage")
    before = unit(plane, "bad-prod")
    refused = promote(plane, "bad-stage", "bad-prod", to)
    assert refused.status in (404, 422)
    assert fact in refused.json["message"]
    assert unit(plane, "bad-prod") == before


def test_what_has_never_served_or_is_in_no_pipeline_cannot_be_promoted(
    plane: Plane, line: Line, app: Make
) -> None:
    id = line("empty-line", staging="empty-stage", production="empty-prod")
    refused = promote(plane, "empty-stage")
    assert refused.status == 422
    assert "no release of it has served yet" in refused.json["message"]
    deploy(plane, "empty-prod")
    assert "nothing comes after" in promote(plane, "empty-prod").json["message"]
    app("lonely")
    wish = {"pipeline": {"id": id}, "source": ids(plane, "lonely")[0]}
    refused = plane.send("POST", "/pipeline-promotions", wish)
    assert (refused.status, "it is not in 'empty-line'" in refused.json["message"]) == (422, True)
    assert plane.send("GET", "/pipeline-promotions/nosuch").status == 404
    assert plane.send("GET", "/pipeline-promotions/gr%C3%BC%C3%9Fe/promotion-targets").status == 404


def test_of_two_promotions_the_newer_is_what_serves(plane: Plane, line: Line) -> None:
    line("twice-line", staging="twice-stage", production="twice-prod")
    deploy(plane, "twice-stage", b"one")
    first = promote(plane, "twice-stage")
    second = promote(plane, "twice-stage")
    (older,), (newer,) = came(plane, first), came(plane, second)
    assert newer["status"] == "succeeded"
    assert older["status"] == "succeeded" or "overtaken" in older["error_message"]
    assert unit(plane, "twice-prod").source_change > 0


def test_a_target_that_is_destroyed_midway_has_failed(plane: Plane, line: Line) -> None:
    line("midway-line", staging="midway-stage", production="midway-prod")
    deploy(plane, "midway-stage")
    promotion = promote(plane, "midway-stage")
    assert plane.send("DELETE", "/apps/midway-prod").status == 200
    (target,) = came(plane, promotion)
    assert (target["status"], target["error_message"]) == (
        "failed",
        "the app was destroyed meanwhile",
    )


def test_a_frozen_target_says_what_it_waits_for(plane: Plane, line: Line) -> None:
    line("frozen-line", staging="frozen-stage", production="frozen-prod")
    deploy(plane, "frozen-stage")
    plane.send("PUT", "/v1/apps/frozen-prod/upkeep", {"mode": "freeze"})
    promotion = promote(plane, "frozen-stage")
    assert "frozen" in came(plane, promotion)[0]["error_message"]
    plane.send("PUT", "/v1/apps/frozen-prod/upkeep", {"mode": "enforce"})
    where = f"/pipeline-promotions/{promotion.json['id']}/promotion-targets"
    until(lambda: plane.send("GET", where).json[0]["status"] == "succeeded")


def test_the_same_key_is_the_same_promotion(plane: Plane, line: Line) -> None:
    line("key-line", staging="key-stage", production="key-prod")
    deploy(plane, "key-stage")
    first, again = (
        promote(plane, "key-stage", **{"Idempotency-Key": "promote-once"}) for _ in range(2)
    )
    assert first.json["id"] == again.json["id"]
    assert came(plane, again)[0]["status"] == "succeeded"
    assert len(plane.call(plane.store.releases(unit(plane, "key-prod").id))) == 1


def test_a_pipeline_tells_what_its_apps_have_last(plane: Plane, line: Line) -> None:
    id = line("last-line", staging="last-stage", production="last-prod")
    deploy(plane, "last-stage")
    came(plane, promote(plane, "last-stage"))
    releases = plane.send("GET", f"/pipelines/{id}/latest-releases").json
    assert {r["app"]["name"] for r in releases} == {"last-stage", "last-prod"}
    (build,) = plane.send("GET", f"/pipelines/{id}/latest-builds").json
    assert build["app"]["id"] == unit(plane, "last-stage").id


# --- who may -------------------------------------------------------------------------------------


def test_who_has_no_app_in_it_knows_of_no_pipeline(plane: Plane, line: Line) -> None:
    id = line("hidden-line", staging="hidden-stage", production="hidden-prod")
    deploy(plane, "hidden-stage")
    promotion = promote(plane, "hidden-stage").json["id"]
    coupling = plane.send("GET", "/apps/hidden-stage/pipeline-couplings").json["id"]
    stranger = account(plane, f"stranger-{next(NUMBERS)}@example.com")
    for path in (
        f"/pipelines/{id}",
        "/pipelines/hidden-line",
        f"/pipelines/{id}/pipeline-couplings",
        f"/pipelines/{id}/latest-releases",
        f"/pipeline-couplings/{coupling}",
        f"/pipeline-promotions/{promotion}",
        f"/pipeline-promotions/{promotion}/promotion-targets",
    ):
        assert plane.send("GET", path, token=stranger).status == 404, path
    for path in ("/pipelines", "/pipeline-couplings", "/users/~/pipeline-couplings"):
        assert b"hidden" not in plane.send("GET", path, token=stranger).body
    for method in ("PATCH", "DELETE"):
        body = {"name": "taken-line"}
        assert plane.send(method, f"/pipelines/{id}", body, token=stranger).status == 404
    mine = plane.send("POST", "/apps", {"name": "strangers-own"}, token=stranger).json["id"]
    assert couple(plane, mine, id, "production", stranger).status == 404


def test_what_one_may_do_in_a_pipeline_follows_ones_roles_on_its_apps(
    plane: Plane, line: Line
) -> None:
    id = line("roles-line", staging="roles-stage", production="roles-prod")
    deploy(plane, "roles-stage")
    email = "deployer@roles.example.com"
    token = account(plane, email)
    let(plane, "roles-stage", email, "deploy")
    couplings = plane.send("GET", f"/pipelines/{id}/pipeline-couplings", token=token).json
    assert [c["app"]["name"] for c in couplings] == ["roles-stage"]
    hidden = promote(plane, "roles-stage", "roles-prod", token=token)
    assert (hidden.status, "there is no app" in hidden.json["message"]) == (404, True)
    let(plane, "roles-prod", email, "view")
    assert promote(plane, "roles-stage", token=token).status == 403
    let(plane, "roles-prod", email, "deploy")
    assert came(plane, promote(plane, "roles-stage", token=token))[0]["status"] == "succeeded"
    for method in ("PATCH", "DELETE"):
        assert plane.send(method, f"/pipelines/{id}", {"name": "mine"}, token=token).status == 403
    moved = plane.send(
        "PATCH", f"/pipeline-couplings/{couplings[0]['id']}", {"stage": "production"}, token=token
    )
    assert moved.status == 403
    plane.send("POST", "/apps", {"name": "deployers-own"}, token=token)
    assert couple(plane, "deployers-own", id, "staging", token).status == 403
    assert promote(plane, "roles-stage", token="look-token").status == 403


def test_bad_bodies_are_refused(plane: Plane) -> None:
    for path, body in (
        ("/pipelines", {}),
        ("/pipelines", {"name": 7}),
        ("/pipelines", {"name": "someones", "owner": {"id": "another", "type": "user"}}),
        ("/pipeline-couplings", {"app": "a"}),
        ("/pipeline-promotions", {"pipeline": "x", "source": {}}),
        ("/pipeline-transfers", {"pipeline": {"id": "x"}}),
    ):
        assert plane.send("POST", path, body).status in (400, 422), path
