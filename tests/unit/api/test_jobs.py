"""Doors to jobs: run, see, stop, by Setpoint's routes and by Heroku's."""

from urllib.parse import urlsplit

import pytest

from setpoint.formats.control import LogLine
from setpoint.model.release import ProcessType
from tests.support.plane import Plane
from tests.support.waiting import until
from tests.unit.api.conftest import Make, deploy


def ended(plane: Plane, app: str, dyno: str) -> dict[str, object]:
    def look() -> dict[str, object] | None:
        jobs = plane.send("GET", f"/v1/apps/{app}/jobs").json
        return next((j for j in jobs if j["dyno"] == dyno and j["ended_at_s"]), None)

    return until(look, 20.0, f"{dyno} has ended")


def test_a_job_runs_to_its_end_and_both_apis_show_it(plane: Plane, deployed: Make) -> None:
    deployed("runs")
    made = plane.send("POST", "/v1/apps/runs/jobs", {"command": "tidy up", "env": {"A": "b"}})
    assert made.status == 201
    assert (made.json["command"], made.json["env"], made.json["state"]) == (
        "tidy up", ["A"], "starting",
    )  # fmt: skip
    dyno = made.json["dyno"]
    until(lambda: any(d["name"] == dyno for d in plane.send("GET", "/apps/runs/dynos").json))
    shown = plane.send("GET", f"/apps/runs/dynos/{dyno}").json
    assert (shown["type"], shown["command"], shown["size"]) == ("run", "tidy up", "Basic")
    plane.send("DELETE", f"/v1/apps/runs/jobs/{dyno}")  # it may be one of those that take long
    job = ended(plane, "runs", dyno)
    assert job["state"] in ("complete", "stopped")
    assert job["code"] == 0
    assert [d["type"] for d in plane.send("GET", "/apps/runs/dynos").json] == ["web"]
    assert plane.send("GET", f"/apps/runs/dynos/{dyno}").status == 404


def test_heroku_s_run_works_detached(plane: Plane, deployed: Make) -> None:
    deployed("herokus")
    made = plane.send("POST", "/apps/herokus/dynos", {"command": "ls", "size": "Standard-2X"})
    assert made.status == 201
    assert made.json["size"] == "Standard-2X"
    stopped = plane.send("POST", f"/apps/herokus/dynos/{made.json['name']}/actions/stop", {})
    assert stopped.status == 202
    assert ended(plane, "herokus", made.json["name"])["state"] in ("stopped", "complete")


def test_what_a_release_phase_said_is_streamed_to_whoever_knows_its_id(
    plane: Plane, app: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    web, phase = ProcessType("web", "web", "serve"), ProcessType("release", "release", "migrate")
    monkeypatch.setattr(plane.supervisor, "processes", (web, phase))
    app("phased")
    deploy(plane, "phased")
    (job,) = plane.send("GET", "/v1/apps/phased/jobs").json
    lines = [
        ("app", job["dyno"], "migrated"),
        ("heroku", job["dyno"], "Starting"),
        ("app", "web.1", "x"),
    ]
    monkeypatch.setattr(plane.spoken, "lines", [LogLine(9e9, *line) for line in lines])
    (release,) = plane.send("GET", "/apps/phased/releases").json
    where = urlsplit(release["output_stream_url"]).path
    answer = plane.send("GET", where, token=None)
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.body == b"migrated\n"
    for guessed in ("1", "v1"):
        answer = plane.send("GET", f"/apps/phased/releases/{guessed}/output", token=None)
        assert answer.status == 404


def test_stopping_an_instance_replaces_its_type(plane: Plane, deployed: Make) -> None:
    deployed("fresh")
    (before,) = plane.send("GET", "/apps/fresh/dynos").json
    assert plane.send("POST", "/apps/fresh/dynos/web.1/actions/stop", {}).status == 202

    def replaced() -> bool:
        dynos = plane.send("GET", "/apps/fresh/dynos").json
        return [d["state"] for d in dynos] == ["up"] and dynos[0]["id"] != before["id"]

    until(replaced)
    missing = plane.send("POST", "/apps/fresh/dynos/web.9/actions/stop", {})
    assert missing.status == 404
    assert missing.json["message"].startswith("cannot stop 'web.9' of 'fresh'")


def test_a_job_ends_by_delete_and_an_unknown_one_is_not_found(plane: Plane, deployed: Make) -> None:
    deployed("ends")
    made = plane.send("POST", "/v1/apps/ends/jobs", {"command": "sleep 99"}).json
    assert plane.send("DELETE", f"/v1/apps/ends/jobs/{made['id']}").status == 202
    ended(plane, "ends", made["dyno"])
    assert plane.send("DELETE", "/v1/apps/ends/jobs/run.1").status == 404


def test_unknown_fields_and_values_are_refused_in_words(plane: Plane, deployed: Make) -> None:
    deployed("picky")
    for body, fact in (
        ({"command": ""}, "it is empty"),
        ({"command": "ls", "size": "gigantic"}, "is no dyno size"),
        ({"command": "ls", "sizes": "basic"}, "unknown field"),
        ({"command": 7}, "expected `str`"),
    ):
        answer = plane.send("POST", "/v1/apps/picky/jobs", body)
        assert answer.status == 422
        assert fact in answer.json["message"]


def test_a_terminal_is_a_websocket_and_nothing_else(plane: Plane, deployed: Make) -> None:
    deployed("plain")
    made = plane.send("POST", "/v1/apps/plain/jobs", {"command": "ls"}).json
    where = f"/v1/apps/plain/jobs/{made['id']}/attach"
    assert plane.send("GET", where).status == 422
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    for token, status in ((None, 401), ("wrong", 401), ("look-token", 403), ("root-token", 422)):
        answer = plane.send("GET", where, token=token, headers=upgrade)
        assert answer.status == status, answer.body
        assert answer.json["message"].startswith("cannot ")
    other = plane.send("GET", "/v1/apps/nosuch/jobs/x/attach", headers=upgrade)
    assert other.status == 404
    cross = plane.send("GET", where, headers={**upgrade, "Sec-Fetch-Site": "cross-site"})
    assert cross.status == 403
