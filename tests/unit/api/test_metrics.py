"""Figures at the door: for whoever may read, and whatever can be had of them."""

from setpoint.model.figures import Answered, Answers, EdgeFigures, Figures, ProcessFigures
from setpoint.model.ids import AppId
from tests.support.plane import Plane
from tests.unit.api.conftest import Make


def test_nobody_without_a_token_reads_them(plane: Plane) -> None:
    assert plane.send("GET", "/v1/metrics", token=None).status == 401
    assert plane.send("GET", "/v1/metrics", token="other").status == 401


def test_a_token_that_may_read_is_enough(plane: Plane, app: Make) -> None:
    id = app("counted")
    plane.figures = Figures((ProcessFigures(AppId(id), "web", in_flight=7),))
    shown = plane.send("GET", "/v1/metrics", token="look-token")
    assert shown.status == 200
    assert shown.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert b'setpoint_requests_in_flight{app="counted",process="web"} 7.0' in shown.body


def test_what_the_edge_answered_is_told_by_the_apps_name(plane: Plane, app: Make) -> None:
    id = app("answered")
    plane.answered = EdgeFigures(0.0, (Answered(AppId(id), "web", (Answers(5, "H10", 3),)),))
    text = plane.send("GET", "/v1/metrics").body
    labels = b'{app="answered",code="H10",process="web",status="5xx"}'
    assert b"setpoint_edge_answers_total" + labels + b" 3.0" in text
    plane.answered = None
    text = plane.send("GET", "/v1/metrics").body
    assert b"setpoint_edge_up 0.0" in text
    assert b"setpoint_edge_answers" not in text


def test_what_the_supervisor_cannot_tell_is_left_out(plane: Plane) -> None:
    plane.figures = None
    shown = plane.send("GET", "/v1/metrics")
    assert shown.status == 200
    assert b"setpoint_supervisor_up 0.0" in shown.body
    assert b"setpoint_start_seconds" not in shown.body
