"""Heroku's API over real store, planner and loop: what is written is what is read back."""

import hashlib
import socket

import pytest

from setpoint.model.release import ProcessType
from tests.support.plane import UPLOAD_BYTES_MAX, Plane
from tests.support.waiting import until
from tests.unit.api.conftest import Make, deploy, upload


def test_an_app_is_created_found_by_name_and_id_and_destroyed(plane: Plane, app: Make) -> None:
    id = app("born")
    by_name, by_id = plane.send("GET", "/apps/born"), plane.send("GET", f"/apps/{id}")
    assert by_name.json == by_id.json
    assert by_name.headers["etag"]
    assert by_name.json["web_url"] == f"http://born.localhost:{plane.visits.server_port}/"
    assert plane.send("DELETE", "/apps/born").json["id"] == id
    assert plane.send("GET", "/apps/born").status == 404
    until(lambda: plane.send("GET", f"/v1/apps/{id}").status == 404)


def test_an_app_without_a_name_gets_one(plane: Plane) -> None:
    made = plane.send("POST", "/apps", {})
    assert made.status == 201
    assert plane.unit(made.json["name"]) is not None


def test_a_taken_name_is_a_conflict_and_a_bad_one_invalid(plane: Plane, app: Make) -> None:
    app("taken")
    assert plane.send("POST", "/apps", {"name": "taken"}).status == 409
    assert plane.send("POST", "/apps", {"name": "No"}).status == 422


def test_config_is_patched_and_null_unsets(plane: Plane, app: Make) -> None:
    app("conf")
    assert plane.send("PATCH", "/apps/conf/config-vars", {"A": "1", "B": "2"}).json == {
        "A": "1",
        "B": "2",
    }
    assert plane.send("PATCH", "/apps/conf/config-vars", {"A": None}).json == {"B": "2"}
    assert plane.send("PATCH", "/apps/conf/config-vars", {}).json == {"B": "2"}
    assert plane.send("GET", "/apps/conf/config-vars").json == {"B": "2"} == plane.config("conf")


def test_config_values_need_a_token_that_may_write(plane: Plane, app: Make) -> None:
    app("secret")
    assert plane.send("GET", "/apps/secret/config-vars", token="look-token").status == 403


def test_a_refused_config_value_is_not_echoed(plane: Plane, app: Make) -> None:
    app("hushed")
    answer = plane.send("PATCH", "/apps/hushed/config-vars", {"BIG": "hunter2" * 10_000})
    assert answer.status == 422
    assert b"hunter2" not in answer.body
    assert plane.config("hushed") == {}


def test_upload_build_and_release_as_terraform_does_it(plane: Plane, app: Make) -> None:
    app("terra")
    content = b"a tar.gz, as far as this machine knows"
    url = upload(plane, content)
    digest = hashlib.sha256(content).hexdigest()
    made = plane.send(
        "POST",
        "/apps/terra/builds",
        {"source_blob": {"url": url, "version": "v1.2", "checksum": f"SHA256:{digest}"}},
    )
    assert (made.status, made.json["status"]) == (201, "pending")
    assert plane.paths.sources.joinpath(f"{digest}.tar.gz").read_bytes() == content
    where = f"/apps/terra/builds/{made.json['id']}"
    until(lambda: plane.send("GET", where).json["status"] == "succeeded")
    until(lambda: plane.send("GET", "/v1/apps/terra").json["state"] == "settled")
    done = plane.send("GET", where).json
    (release,) = plane.send("GET", "/apps/terra/releases").json
    assert done["release"]["id"] == release["id"]
    assert done["source_blob"]["version"] == "v1.2"
    assert (release["version"], release["current"], release["status"]) == (1, True, "succeeded")
    by_version = plane.send("GET", "/apps/terra/releases/v1").json
    assert by_version == plane.send("GET", f"/apps/terra/releases/{release['id']}").json
    assert [b["id"] for b in plane.send("GET", "/apps/terra/builds").json] == [done["id"]]
    output = plane.send("GET", f"{where}/output", token=None)
    assert output.headers["content-type"].startswith("text/plain")
    assert output.body == plane.spoken.build


def test_the_checksum_must_be_that_of_the_upload(plane: Plane, app: Make) -> None:
    app("sums")
    blob = {"url": upload(plane, b"one"), "checksum": "SHA256:" + "0" * 64}
    answer = plane.send("POST", "/apps/sums/builds", {"source_blob": blob})
    assert answer.status == 409
    unit = plane.unit("sums")
    assert unit is not None
    assert unit.intent.source is None


@pytest.mark.parametrize(
    ("blob", "status"),
    [
        ({"url": "https://example.com/app.tgz"}, 422),
        ({"url": "http://localhost/sources/00000000-0000-4000-8000-ffffffffffff"}, 404),
        ({"digest": "ab" * 32}, 404),
        ({"digest": "../../etc"}, 422),
        ({}, 422),
    ],
)
def test_a_source_that_is_not_here_is_refused(
    plane: Plane, blob: dict[str, str], status: int
) -> None:
    plane.send("POST", "/apps", {"name": "nosource"})
    assert plane.send("POST", "/apps/nosource/builds", {"source_blob": blob}).status == status


def test_nothing_uploaded_yet_is_a_conflict(plane: Plane, app: Make) -> None:
    app("empty-handed")
    url = plane.send("POST", "/sources").json["source_blob"]["get_url"]
    answer = plane.send("POST", "/apps/empty-handed/builds", {"source_blob": {"url": url}})
    assert answer.status == 409


def test_an_upload_beyond_the_limit_is_refused_and_leaves_nothing(plane: Plane) -> None:
    url = plane.send("POST", "/sources").json["source_blob"]["put_url"]
    before = set(plane.paths.sources.glob("*.tar.gz"))
    path = url.removeprefix("http://localhost")
    answer = plane.send("PUT", path, raw=b"x" * (UPLOAD_BYTES_MAX + 1), token=None)
    assert (answer.status, answer.json["id"]) == (413, "request_too_large")
    assert set(plane.paths.sources.glob("*.tar.gz")) == before
    assert not list(plane.paths.sources.glob("uploads/*.part"))


def raw(plane: Plane, *said: bytes) -> bytes:
    """What is answered to these bytes; the sender goes on sending whatever happens."""
    with socket.socket(socket.AF_UNIX) as link, link.makefile("rb") as answer:
        link.settimeout(20)
        link.connect(str(plane.paths.api_socket))
        for part in said:
            link.sendall(part)
        return answer.readline()


def test_an_upload_that_says_it_is_too_large_is_refused_before_it_is_sent(plane: Plane) -> None:
    url = plane.send("POST", "/sources").json["source_blob"]["put_url"]
    path = url.removeprefix("http://localhost")
    head = f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {10**12}\r\n\r\n"
    assert b" 413 " in raw(plane, head.encode())
    assert not list(plane.paths.sources.glob("uploads/*.part"))


def test_an_upload_that_does_not_say_how_large_it_is_is_counted(plane: Plane) -> None:
    before = set(plane.paths.sources.glob("*.tar.gz"))
    url = plane.send("POST", "/sources").json["source_blob"]["put_url"]
    path = url.removeprefix("http://localhost")
    head = f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    chunks = UPLOAD_BYTES_MAX // 0x8000
    assert b" 413 " in raw(plane, head.encode(), *(chunk for _ in range(20 * chunks)))
    assert not list(plane.paths.sources.glob("uploads/*.part"))
    assert set(plane.paths.sources.glob("*.tar.gz")) == before
    assert b" 200 " in raw(plane, head.encode(), *(chunk for _ in range(chunks)), b"0\r\n\r\n")


@pytest.mark.parametrize("place", ["short", "..%2F..%2Fprivate%2Ftoken", "0" * 36])
def test_an_upload_needs_a_place_that_was_given(plane: Plane, place: str) -> None:
    answer = plane.send("PUT", f"/sources/{place}", raw=b"x", token=None)
    assert answer.status == 404


def test_formation_is_scaled_and_read_back(plane: Plane, deployed: Make) -> None:
    plane.supervisor.processes = (
        ProcessType("web", "web", "serve"),
        ProcessType("clock", "worker"),
    )
    deployed("forms")
    types = {f["type"]: f for f in plane.send("GET", "/apps/forms/formation").json}
    assert (types["web"]["quantity"], types["clock"]["quantity"]) == (1, 0)
    (web,) = plane.send(
        "PATCH", "/apps/forms/formation", {"updates": [{"type": "web", "quantity": "+1"}]}
    ).json
    assert web["quantity"] == 2
    one = plane.send(
        "PATCH", "/apps/forms/formation/clock", {"quantity": "0..3", "idle_s": 30}
    ).json
    assert (one["min"], one["max"], one["idle_s"]) == (0, 3, 30)
    assert plane.send("GET", f"/apps/forms/formation/{one['id']}").json == one

    def webs_up() -> int:
        dynos = plane.send("GET", "/apps/forms/dynos").json
        return sum(d["type"] == "web" and d["state"] == "up" for d in dynos)

    until(lambda: webs_up() == 2)


@pytest.mark.parametrize("quantity", [-1, 101, "many", "3..1", "-5"])
def test_a_nonsense_quantity_changes_nothing(plane: Plane, quantity: int | str) -> None:
    if plane.unit("steady") is None:
        plane.send("POST", "/apps", {"name": "steady"})
        deploy(plane, "steady")
    before = plane.unit("steady")
    answer = plane.send("PATCH", "/apps/steady/formation/web", {"quantity": quantity})
    assert answer.status == 422
    assert plane.unit("steady") == before


def settled(plane: Plane, name: str) -> bool:
    return plane.send("GET", f"/v1/apps/{name}").json["state"] == "settled"


def test_a_rollback_is_a_release_as_each_client_asks_for_it(plane: Plane, deployed: Make) -> None:
    """By id (Heroku's command line), "v1" (heroku3), 1 or "1" (curl)."""
    deployed("undo")
    first = plane.send("GET", "/apps/undo/releases/1").json
    for number, said in enumerate((first["id"], "v1", 1, "1")):
        plane.send("PATCH", "/apps/undo/config-vars", {"N": str(number)})
        until(lambda: settled(plane, "undo"))
        answer = plane.send("POST", "/apps/undo/releases", {"release": said})
        assert answer.status == 201, answer.body
        made = answer.json
        assert (made["version"], made["description"]) == (3 + 2 * number, "Rollback to v1")
        assert made["status"] in ("pending", "succeeded")
        assert made["user"]["email"] == "dev@example.com"
        assert made["slug"] == first["slug"]
        until(lambda: settled(plane, "undo"))
        assert plane.config("undo") == {}
    told = plane.send("GET", "/apps/undo/releases", headers={"Range": "version ..; order=desc"})
    assert [r["current"] for r in told.json][:2] == [True, False]
    assert [b["status"] for b in plane.send("GET", "/apps/undo/builds").json] == ["succeeded"]


@pytest.mark.parametrize(
    ("body", "status", "fact"),
    [
        ({"release": "v9"}, 404, "it has no release 'v9'"),
        ({"release": "v1"}, 409, "v1 is what runs"),
        ({}, 422, "no release has served before v1"),
        ({"slug": "x"}, 422, "by hand"),
    ],
)
def test_a_rollback_that_cannot_be_is_refused(
    plane: Plane, deployed: Make, body: object, status: int, fact: str
) -> None:
    if plane.unit("stays") is None:
        deployed("stays")
    answer = plane.send("POST", "/apps/stays/releases", body)
    assert (answer.status, fact in answer.json["message"]) == (status, True), answer.body


def test_an_app_is_renamed_and_closed_by_one_patch(plane: Plane, deployed: Make) -> None:
    deployed("patched")
    answer = plane.send("PATCH", "/apps/patched", {"name": "patched-2", "maintenance": True})
    assert answer.status == 200, answer.body
    assert (answer.json["name"], answer.json["maintenance"]) == ("patched-2", True)
    assert plane.send("GET", "/apps/patched-2").json == answer.json
    assert plane.send("GET", "/apps/patched").status == 404
    newest = plane.send("GET", "/v1/changes?app=patched-2&limit=1").json[0]
    assert newest["change"]["summary"] == "Rename patched to patched-2, Maintenance on"
    assert plane.send("PATCH", "/apps/patched-2", {"name": "No!"}).status == 422
    assert plane.send("PATCH", "/apps/patched-2", {"colour": "red"}).status == 422


def test_a_dyno_and_a_type_are_restarted_by_their_own_routes(plane: Plane, deployed: Make) -> None:
    deployed("afresh")

    def web() -> str:
        until(lambda: settled(plane, "afresh"))
        dynos = plane.send("GET", "/apps/afresh/dynos").json
        return next(d["id"] for d in dynos if d["name"] == "web.1" and d["state"] == "up")

    for path in ("dynos/web.1", "dynos/{id}", "formations/web"):
        before = web()
        answer = plane.send("DELETE", f"/apps/afresh/{path.format(id=before)}")
        assert (answer.status, answer.json) == (202, {})
        assert web() != before
    assert plane.send("DELETE", "/apps/afresh/dynos/web.9").status == 404
    assert plane.send("DELETE", "/apps/afresh/formations/nosuch").status == 404


def test_restart_replaces_every_instance(plane: Plane, deployed: Make) -> None:
    deployed("again")
    (before,) = plane.send("GET", "/apps/again/dynos").json
    assert plane.send("DELETE", "/apps/again/dynos").status == 202

    def replaced() -> bool:
        dynos = plane.send("GET", "/apps/again/dynos").json
        return [d["state"] for d in dynos] == ["up"] and dynos[0]["id"] != before["id"]

    until(replaced)


def test_before_the_first_release_there_is_one_to_read_a_version_of(
    plane: Plane, app: Make
) -> None:
    app("early")
    (initial,) = plane.send("GET", "/apps/early/releases").json
    assert (initial["version"], initial["slug"], initial["current"]) == (0, None, True)
    for said in ("0", "v0", initial["id"]):
        assert plane.send("GET", f"/apps/early/releases/{said}").json == initial
    refused = plane.send("POST", "/apps/early/releases", {"release": initial["id"]})
    assert refused.status in (404, 422)
