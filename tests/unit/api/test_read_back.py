"""What is read is what was written, in each form that clients send it in: of Terraform above all,
which takes any difference for drift and asks to undo it."""

import hashlib
from typing import Any

import pytest

from setpoint.formats.heroku.write import DYNO_SIZE_NAMES
from tests.support.plane import Plane
from tests.support.waiting import until
from tests.unit.api.conftest import Make, upload


def read(plane: Plane, path: str) -> Any:
    answer = plane.send("GET", path)
    assert answer.status == 200, answer.body
    return answer.json


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"region": "local"},
        {"region": {"name": "local"}, "stack": {"name": "cedar"}},
        {"region": None, "stack": None, "team": None, "space": None},
        {"stack": "heroku-24", "feature_flags": ["x"], "generation": {"name": "cedar"}},
    ],
)
def test_an_app_is_read_by_id_and_by_name_as_it_was_answered(
    plane: Plane, body: dict[str, object]
) -> None:
    made = plane.send("POST", "/apps", body)
    assert made.status == 201, made.body
    for named in (made.json["id"], made.json["name"]):
        assert read(plane, f"/apps/{named}") == made.json
    listed = plane.send("GET", "/apps", headers={"Range": "id ..; max=1000"})
    assert made.json in listed.json
    assert plane.send("POST", "/filters/apps", {"in": {"id": [made.json["id"]]}}).json == [
        made.json
    ]


def test_an_empty_patch_of_config_makes_no_release_and_null_unsets(
    plane: Plane, deployed: Make
) -> None:
    deployed("tf-config")
    vars = "/apps/tf-config/config-vars"
    wanted = {"A": "1", "EMPTY": "", "JSON": '{"a": 1}', "LINES": "a\nb"}
    assert plane.send("PATCH", vars, wanted).json == wanted == read(plane, vars)
    until(lambda: len(read(plane, "/apps/tf-config/releases")) == 2)
    for same in ({}, wanted, {"A": "1"}, {"NOT_SET": None}):
        assert plane.send("PATCH", vars, same).json == wanted
    until(lambda: read(plane, "/v1/apps/tf-config")["state"] == "settled")
    assert len(read(plane, "/apps/tf-config/releases")) == 2
    newest = plane.send(
        "GET", "/apps/tf-config/releases", headers={"Range": "version ..; max=1,order=desc"}
    ).json[0]
    assert read(plane, f"/apps/tf-config/releases/{newest['id']}") == newest
    assert read(plane, f"/apps/tf-config/releases/{newest['id']}/config-vars") == wanted


@pytest.mark.parametrize(
    "size",
    [{"dyno_size": {"name": "Standard-1x"}}, {"size": "STANDARD-1X"}, {"dyno_size": "standard-1x"}],
    ids=str,
)
@pytest.mark.parametrize("quantity", [2, "2", "+1"], ids=repr)
def test_a_formation_is_read_by_both_ids_of_the_answer(
    plane: Plane, deployed: Make, size: dict[str, object], quantity: int | str
) -> None:
    if plane.unit("tf-form") is None:
        deployed("tf-form")
    plane.send("PATCH", "/apps/tf-form/formation/web", {"quantity": 1, "size": "basic"})
    app = read(plane, "/apps/tf-form")["id"]
    told = plane.send("PATCH", f"/apps/{app}/formation/web", {"quantity": quantity, **size}).json
    assert (told["quantity"], told["size"], told["dyno_size"]["name"]) == (
        2,
        "Standard-1X",
        "Standard-1X",
    )
    assert read(plane, f"/apps/{told['app']['id']}/formation/{told['id']}") == told
    by_id = {"updates": [{"id": told["id"], "quantity": 1}]}
    assert plane.send("PATCH", f"/apps/{app}/formation", by_id).json[0]["quantity"] == 1


@pytest.mark.parametrize("name", DYNO_SIZE_NAMES.values())
def test_every_size_is_read_in_the_case_that_heroku_has_it_in(
    plane: Plane, deployed: Make, name: str
) -> None:
    """Its Terraform provider writes any case, and expects to read Heroku's own."""
    if plane.unit("tf-sizes") is None:
        deployed("tf-sizes")
    for said in (name, name.lower(), name.upper()):
        answer = plane.send("PATCH", "/apps/tf-sizes/formation/web", {"size": said})
        assert answer.status == 200, answer.body
        assert read(plane, "/apps/tf-sizes/formation/web")["size"] == name
    found = read(plane, f"/dyno-sizes/{name.lower()}")
    assert (found["name"], read(plane, f"/dyno-sizes/{found['id']}")) == (name, found)


def test_a_domain_is_read_by_its_id_under_the_app_s(plane: Plane, app: Make) -> None:
    id = app("tf-domain")
    body = {"hostname": "www.tf-domain.example", "sni_endpoint": None}
    made = plane.send("POST", f"/apps/{id}/domains", body).json
    for named in (made["id"], made["hostname"]):
        found = read(plane, f"/apps/{id}/domains/{named}")
        assert {**found, "status": ""} == {**made, "status": ""}
    assert plane.send("DELETE", f"/apps/{id}/domains/{made['id']}").json["id"] == made["id"]
    assert plane.send("GET", f"/apps/{id}/domains/{made['id']}").status == 404


@pytest.mark.parametrize("prefix", ["", "SHA256:", "sha256:"])
def test_a_build_is_read_with_the_source_it_was_made_of(
    plane: Plane, app: Make, prefix: str
) -> None:
    name = f"tf-build-{len(prefix)}-{prefix[:1].isupper():d}"
    id = app(name)
    content = name.encode()
    digest = hashlib.sha256(content).hexdigest()
    blob = {"url": upload(plane, content), "checksum": f"{prefix}{digest}", "version": None}
    body = {"source_blob": blob, "buildpacks": None}
    made = plane.send("POST", f"/apps/{id}/builds", body)
    assert made.status == 201, made.body
    found = read(plane, f"/apps/{id}/builds/{made.json['id']}")
    assert found["source_blob"] == made.json["source_blob"]
    assert found["source_blob"]["checksum"] == f"SHA256:{digest}"


def test_buildpacks_are_read_in_the_order_they_were_written_in(plane: Plane, app: Make) -> None:
    app("tf-packs")
    path = "/apps/tf-packs/buildpack-installations"
    urls = ["https://example.com/b.tgz", "https://example.com/a.tgz"]
    told = plane.send("PUT", path, {"updates": [{"buildpack": url} for url in urls]}).json
    assert told == read(plane, path)
    assert [(p["ordinal"], p["buildpack"]["url"]) for p in told] == list(enumerate(urls))
    assert [p["buildpack"]["name"] for p in told] == urls


def test_maintenance_is_said_in_each_client_s_words(plane: Plane, app: Make) -> None:
    """heroku3 says 0 for false."""
    app("tf-closed")
    for said, read_back in ((True, True), (0, False), (1, True), (False, False)):
        told = plane.send("PATCH", "/apps/tf-closed", {"maintenance": said}).json
        assert told["maintenance"] is read_back
        assert read(plane, "/apps/tf-closed")["maintenance"] is read_back
    assert plane.send("PATCH", "/apps/tf-closed", {"maintenance": 2}).status == 422
    assert plane.send("PATCH", "/apps/tf-closed", {"maintenance": "yes"}).status == 422
