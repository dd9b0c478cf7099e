"""Setpoint's own doors."""

import json

from setpoint.formats.control import LogLine
from setpoint.model.errors import Transient
from setpoint.model.release import ProcessType
from tests.support.plane import Plane
from tests.unit.api.conftest import Make


def test_status_tells_the_plane_and_every_app(plane: Plane, deployed: Make) -> None:
    deployed("listed")
    status = plane.send("GET", "/v1/status", token="look-token").json
    assert [p["name"] for p in status["plane"]["processes"]] == ["daemon", "envoy"]
    assert status["capabilities"]["level"] == "L3"
    line = next(a for a in status["apps"] if a["name"] == "listed")
    assert (line["state"], line["release"]) == ("settled", 1)


def test_an_app_tells_all_that_is_known(plane: Plane, deployed: Make) -> None:
    deployed("known")
    app = plane.send("GET", "/v1/apps/known").json
    assert app["urls"] == [f"http://known.localhost:{plane.visits.server_port}"]
    assert [d["name"] for d in app["dynos"]] == ["web.1"]
    assert app["release"]["version"] == 1
    assert app["generation"] == app["observed_generation"]
    assert {c["type"]: c["status"] for c in app["conditions"]}["Ready"] is True


def test_why_tells_the_story_in_data_and_in_sentences(plane: Plane, deployed: Make) -> None:
    deployed("storied")
    told = plane.send("GET", "/v1/apps/storied/why?limit=1").json
    assert len(told["story"]["chapters"]) == 1
    assert any("cut-release" in line for line in told["lines"])
    assert plane.send("GET", "/v1/apps/storied/why?limit=x").status == 400
    field = plane.send("GET", "/v1/apps/storied/why?path=source.digest").json
    assert field["field"]["path"] == "source.digest"
    assert plane.send("GET", "/v1/apps/storied/why?path=nope").status == 404


def test_a_plan_of_an_app_that_is_not_there_changes_nothing(plane: Plane) -> None:
    wish = {
        "source": "ab" * 32,
        "processes": [{"name": "web", "kind": "web", "command": "serve"}],
        "config_set": ["GREETING"],
    }
    planned = plane.send("POST", "/v1/apps/unborn/plan", wish, token="look-token").json
    assert planned["draft"]["new"]
    assert planned["draft"]["assumed"]
    assert [s["verb"] for s in planned["steps"]][:2] == ["ensure-route", "start-build"] or (
        "start-build" in [s["verb"] for s in planned["steps"]]
    )
    assert planned["ends"] == []
    assert plane.unit("unborn") is None


def test_a_plan_tells_what_would_be_unmet(plane: Plane, deployed: Make) -> None:
    deployed("greedy")
    planned = plane.send(
        "POST", "/v1/apps/greedy/plan", {"formation": {"web": {"quantity": 50}}}
    ).json
    assert any("formation.web.max" in end for end in planned["ends"])
    assert "ensure-processes" in [s["verb"] for s in planned["steps"]]


def test_a_plan_refuses_what_a_scale_would_refuse(plane: Plane) -> None:
    wish = {"formation": {"web": {"quantity": -1}}}
    assert plane.send("POST", "/v1/apps/unborn/plan", wish).status == 422


def test_logs_are_json_lines(plane: Plane, app: Make) -> None:
    app("chatty")
    plane.spoken.lines = [LogLine(1.0, "app", "web.1", f"line {n}") for n in range(3)]
    answer = plane.send("GET", "/v1/apps/chatty/logs?lines=2")
    assert [json.loads(line)["text"] for line in answer.body.splitlines()] == ["line 1", "line 2"]
    assert answer.headers["content-type"] == "application/x-ndjson"


def test_a_log_that_breaks_off_says_so_as_its_last_line(plane: Plane, app: Make) -> None:
    app("broken")
    plane.spoken.lines, plane.spoken.broken = [], Transient("cannot follow the log: gone")
    answer = plane.send("GET", "/v1/apps/broken/logs")
    plane.spoken.broken = None
    assert json.loads(answer.body)["error"]["id"] == "unavailable"


def test_the_invoke_key_is_for_writers_and_rotates(plane: Plane, app: Make) -> None:
    app("keyed")
    assert plane.send("GET", "/v1/apps/keyed/invoke-key", token="look-token").status == 403
    before = plane.send("GET", "/v1/apps/keyed/invoke-key").json
    assert before["edge_port"] == plane.visits.server_port
    after = plane.send("POST", "/v1/apps/keyed/invoke-key").json
    assert after["key"] != before["key"]
    assert plane.send("GET", "/v1/apps/keyed/invoke-key").json["key"] == after["key"]


def test_functions_are_told_with_their_hosts(plane: Plane, deployed: Make) -> None:
    plane.supervisor.processes = (ProcessType("greet", "function", folder="functions/g"),)
    deployed("worker-bee")
    plane.supervisor.processes = (ProcessType("web", "web", "serve"),)
    (function,) = plane.send("GET", "/v1/apps/worker-bee/invoke-key").json["functions"]
    assert function == {
        "name": "greet",
        "folder": "functions/g",
        "host": "greet--worker-bee.localhost",
    }


def test_doctor_tells_the_level_in_words(plane: Plane) -> None:
    told = plane.send("GET", "/v1/doctor").json
    assert told["level"] == "L3"
    assert told["level_words"].startswith("root: ")
