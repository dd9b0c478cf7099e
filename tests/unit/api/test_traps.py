"""What clients really send that no reader of a specification would expect, route by route."""

import asyncio
import os
import struct
import zlib
from urllib.parse import quote

import msgspec
import pytest

from setpoint.api.platform import log_sessions
from setpoint.drivers.git import receiving, repositories
from setpoint.drivers.local.tickets import Tickets
from setpoint.formats.control import LogLine
from setpoint.model.errors import OverLimit
from setpoint.model.ids import AppId
from setpoint.model.log import LogFilter
from tests.support.plane import Plane
from tests.support.waiting import until
from tests.unit.api.conftest import Make, deploy, upload

RANGES = (
    "",
    "version ..; order=desc,max=1",
    "version ..; max=1,order=desc",
    "version ..; max=15, order=desc",
    "version ..; order=desc",
    "id ..; max=1000",
    "id ..; max=1000;",
    "id ..; ;",
    "version ..; order=desc,max=1;",
    "id ]00000000-0000-4000-8000-000000000001..; max=2",
    "items=0-99",
    "bytes=0-",
    ";;;",
)


@pytest.mark.parametrize("header", RANGES, ids=lambda h: h or "empty")
def test_no_range_header_is_refused_on_lists_and_where_nothing_is_listed(
    plane: Plane, app: Make, header: str
) -> None:
    if plane.unit("ranged") is None:
        app("ranged")
    sent = {"Range": header}
    for method, path, body in (
        ("GET", "/apps/ranged/releases", None),
        ("PUT", "/apps/ranged/buildpack-installations", {"updates": []}),
        ("POST", "/sources", {}),
        ("PATCH", "/apps/ranged/config-vars", {}),
    ):
        assert plane.send(method, path, body, headers=sent).status in (200, 201, 206), path


def test_the_newest_first_and_one_of_them_is_honoured_in_either_order(
    plane: Plane, deployed: Make
) -> None:
    deployed("newest")
    plane.send("PATCH", "/apps/newest/config-vars", {"A": "1"})
    until(lambda: len(plane.send("GET", "/apps/newest/releases").json) == 2)
    for said in ("order=desc,max=1", "max=1,order=desc", "max=1, order=desc", "order=desc,max=1;"):
        answer = plane.send(
            "GET", "/apps/newest/releases", headers={"Range": f"version ..; {said}"}
        )
        assert [release["version"] for release in answer.json] == [2], said


@pytest.mark.parametrize("size", [7_000, 16_000])
def test_a_list_of_request_ids_as_long_as_heroku_s_client_makes_it_is_taken(
    plane: Plane, size: int
) -> None:
    said = ",".join(["00000000-0000-4000-8000-000000000001"] * (size // 37))
    answer = plane.send("GET", "/account", headers={"Request-Id": said})
    assert answer.status == 200
    assert "," not in answer.headers["request-id"]


@pytest.mark.parametrize(
    ("type_", "body", "status"),
    [
        ("application/x-www-form-urlencoded", b"name=formed", 400),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nformed\r\n--x--", 400),
        ("text/xml", b"<app><name>formed</name></app>", 400),
        ("application/json; charset=utf-16", '{"name": "formed"}'.encode("utf-16"), 400),
        ("application/json", b"\xef\xbb\xbf{}", 400),
        ("application/json", b'"formed"', 422),
        ("application/json", b"[]", 422),
        ("application/json", b"null", 422),
        ("application/json", b'{"name": "formed", "name": NaN}', 400),
        ("application/json", b"[" * 100_000, 422),
    ],
)
def test_a_body_that_is_none_of_ours_is_refused_and_nothing_is_made(
    plane: Plane, type_: str, body: bytes, status: int
) -> None:
    answer = plane.send("POST", "/apps", raw=body, headers={"Content-Type": type_})
    assert (answer.status, "\n" in answer.json["message"]) == (status, False), answer.body
    assert plane.unit("formed") is None


def test_json_is_read_as_json_whatever_it_is_said_to_be(plane: Plane) -> None:
    """curl says a form, and means JSON."""
    said = {"Content-Type": "application/x-www-form-urlencoded"}
    assert plane.send("POST", "/apps", {"name": "curled"}, headers=said).status == 201


@pytest.mark.parametrize("name", ["größe", "магазин", "店", "shop\N{ZERO WIDTH SPACE}", "a\0b"])
def test_a_name_of_other_letters_is_refused_in_body_and_path(plane: Plane, name: str) -> None:
    made = plane.send("POST", "/apps", {"name": name})
    assert (made.status, made.json["id"]) == (422, "invalid_params")
    for method in ("GET", "DELETE"):
        looked = plane.send(method, f"/apps/{quote(name, safe='')}")
        assert (looked.status, looked.json["id"]) == (404, "not_found")
    latin = plane.send("GET", "/apps/gr%F6%DFe")
    assert latin.status == 404


def test_other_letters_are_kept_where_people_write(plane: Plane, deployed: Make) -> None:
    deployed("letters")
    values = {"GREETING": "Grüß Gott 👋", "KANA": "かな", "RTL": "שלום", "LINES": "a\r\n\tb"}
    told = plane.send("PATCH", "/apps/letters/config-vars", values).json
    assert told == values == plane.send("GET", "/apps/letters/config-vars").json
    assert plane.send("PATCH", "/apps/letters/config-vars", {"GRÜSSE": "x"}).status == 422
    dyno = plane.send("POST", "/apps/letters/dynos", {"command": "echo かな"}).json
    assert plane.send("GET", f"/apps/letters/dynos/{dyno['name']}").json["command"] == "echo かな"
    why = {"Commit-Message": "für die Messe".encode().decode("latin-1")}
    plane.send("PATCH", "/apps/letters/config-vars", {"A": "1"}, headers=why)
    newest = plane.send("GET", "/v1/changes?app=letters&limit=1").json[0]
    assert newest["change"]["asked"]["why"] == "für die Messe"
    source = {"url": upload(plane, b"other"), "version": "größer"}
    built = plane.send("POST", "/apps/letters/builds", {"source_blob": source})
    assert built.json["source_blob"]["version"] == "größer"


def test_a_domain_of_other_letters_is_refused_or_kept_as_the_edge_can_serve_it(
    plane: Plane, app: Make
) -> None:
    app("idna")
    answer = plane.send("POST", "/apps/idna/domains", {"hostname": "bücher.example"})
    if answer.status == 201:
        assert answer.json["hostname"].isascii()
    else:
        assert (answer.status, answer.json["id"]) == (422, "invalid_params")
        assert "xn--" in answer.json["message"]
    assert (
        plane.send("POST", "/apps/idna/domains", {"hostname": "xn--bcher-kva.example"}).status
        == 201
    )


# --- addresses that are permissions -----------------------------------------------------------


def test_an_address_of_a_log_is_good_for_its_time_and_its_app_only(plane: Plane, app: Make) -> None:
    id = AppId(app("timed"))
    plane.spoken.lines = [LogLine(1.0, "app", "web.1", "seen")]
    now_s = plane.call(_now())

    def answered(until_s: float, key: bytes = b"key", purpose: str = log_sessions.PURPOSE) -> int:
        reading = log_sessions.Reading(id, 1, False, LogFilter(), until_s)
        ticket = Tickets(key).issue(purpose, msgspec.json.encode(reading))
        return plane.send("GET", f"/log-streams/{ticket}", token=None).status

    assert answered(now_s + 60) == 200
    assert answered(now_s - 1) == 404, "it has expired"
    assert answered(now_s + 60, key=b"another") == 404, "somebody else made it"
    assert answered(now_s + 60, purpose="rendezvous") == 404, "it is for something else"


async def _now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:22/app.tgz",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/app.tgz",
        "http://10.0.0.1/app.tgz",
        "http://0x7f000001/app.tgz",
        "http://rebind.example/app.tgz",
        "file:///etc/passwd",
        "git://example.com/app.git",
        "http://localhost/sources/",
        "http://localhost/sources/../../private/token",
        "",
    ],
)
def test_a_source_elsewhere_is_refused_and_never_asked_for(
    plane: Plane, app: Make, url: str
) -> None:
    if plane.unit("elsewhere") is None:
        app("elsewhere")
    answer = plane.send("POST", "/apps/elsewhere/builds", {"source_blob": {"url": url}})
    assert answer.status in (404, 422), answer.body
    unit = plane.unit("elsewhere")
    assert unit is not None
    assert unit.intent.source is None


# --- what is gone -----------------------------------------------------------------------------


def test_what_is_created_under_a_name_that_was_destroyed_has_nothing_of_it(
    plane: Plane, deployed: Make, app: Make
) -> None:
    build = deployed("phoenix")
    plane.send("PATCH", "/apps/phoenix/config-vars", {"SECRET": "ashes"})
    plane.send("PATCH", "/apps/phoenix/formation/web", {"quantity": 3})
    plane.send("POST", "/apps/phoenix/domains", {"hostname": "phoenix.example.com"})
    first = plane.send("GET", "/apps/phoenix").json["id"]
    assert plane.send("DELETE", "/apps/phoenix").status == 200
    until(lambda: plane.send("POST", "/apps", {"name": "phoenix"}).status == 201)
    second = plane.send("GET", "/apps/phoenix").json["id"]
    assert second != first
    assert plane.send("GET", f"/apps/{first}").status == 404
    assert plane.send("GET", "/apps/phoenix/config-vars").json == {}
    assert [r["version"] for r in plane.send("GET", "/apps/phoenix/releases").json] == [0]
    assert plane.send("GET", "/apps/phoenix/builds").json == []
    assert plane.send("GET", "/apps/phoenix/dynos").json == []
    assert plane.send("GET", f"/apps/phoenix/builds/{build}/output", token=None).status == 404
    domains = plane.send("GET", "/apps/phoenix/domains").json
    assert [d["hostname"] for d in domains] == ["phoenix.localhost"]
    deploy(plane, "phoenix")
    assert plane.send("GET", "/apps/phoenix/formation/web").json["quantity"] == 1


def test_a_release_whose_slug_is_gone_cannot_be_gone_back_to_and_that_is_said(
    plane: Plane, deployed: Make
) -> None:
    deployed("slugless")
    plane.send("PATCH", "/apps/slugless/config-vars", {"A": "1"})
    until(lambda: plane.send("GET", "/v1/apps/slugless").json["state"] == "settled")
    for n in range(12):
        plane.send("PATCH", "/apps/slugless/config-vars", {"A": f"{n}"})
        until(lambda: plane.send("GET", "/v1/apps/slugless").json["state"] == "settled")
    plane.send("POST", "/v1/gc", {})
    first = plane.send("GET", "/apps/slugless/releases/1").json
    assert (first["slug"], first["eligible_for_rollback"]) == (None, False)
    for said in (first["id"], "v1", 1):
        answer = plane.send("POST", "/apps/slugless/releases", {"release": said})
        assert answer.status in (409, 410, 422), answer.body
        assert "the slug of v1 is gone" in answer.json["message"]


# --- pushes -----------------------------------------------------------------------------------

REF = "refs/heads/main"
PUSH = "/pushed-large.git/git-receive-pack"


def pushed(blob: bytes) -> bytes:
    """A push of one blob, as git has it on the wire, as large as it is."""
    command = f"{'0' * 40} {'1' * 40} {REF}\0 report-status".encode()
    size, kind = len(blob), 3
    head = [(kind << 4) | (size & 15)]
    size >>= 4
    while size:
        head[-1] |= 128
        head.append(size & 127)
        size >>= 7
    packed = zlib.compress(blob, 0)
    pack = b"PACK" + struct.pack(">II", 2, 1) + bytes(head) + packed
    return b"%04x" % (len(command) + 4) + command + b"0000" + pack


def test_a_push_beyond_the_limit_is_refused_and_leaves_nothing(
    plane: Plane, app: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = app("pushed-large")
    monkeypatch.setattr(receiving, "PACK_BYTES_MAX", 1024 * 1024)
    answer = plane.send("POST", PUSH, raw=pushed(os.urandom(4 * 1024 * 1024)))
    assert (answer.status, answer.json["id"]) == (413, "request_too_large")
    assert "larger than 1 MiB" in answer.json["message"]
    kept = plane.paths.repositories / f"{id}.git"
    until(lambda: not list(kept.glob("objects/*incoming-*/pack/pack-*")))
    unit = plane.unit("pushed-large")
    assert unit is not None
    assert unit.intent.source is None


def test_a_history_that_has_grown_too_large_takes_no_more(
    plane: Plane, app: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    app("much-history")
    asked = "/much-history.git/info/refs?service=git-receive-pack"
    assert plane.send("GET", asked).status == 200
    monkeypatch.setattr(repositories, "REPOSITORY_BYTES_MAX", 1)
    answer = plane.send("GET", asked)
    assert (answer.status, answer.json["id"]) == (422, "over_limit")
    assert "setpoint deploy" in answer.json["message"]
    with pytest.raises(OverLimit):
        plane.call(plane_room(plane))


async def plane_room(plane: Plane) -> None:
    unit = await plane.store.unit_named("much-history")
    assert unit is not None
    store = repositories.Repositories(plane.paths.repositories)
    await store.check_room(store.of(unit.id))
