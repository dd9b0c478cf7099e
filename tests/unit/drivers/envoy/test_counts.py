"""What the edge answered is counted per app and process, whoever made the answer."""

from typing import Any

import pytest

from setpoint.drivers.envoy import counts
from setpoint.drivers.envoy.counts import Counts
from setpoint.formats.envoy.router_log import BY_UPSTREAM, Entry
from setpoint.model.figures import WAIT_BOUNDS_S, Answered, Answers
from setpoint.model.ids import AppId

APP = AppId("a")


def entry(status: int = 200, **fields: Any) -> Entry:
    told: dict[str, Any] = {
        "app": APP,
        "at_s": 0.0,
        "method": "GET",
        "path": "/",
        "host": "a.localhost",
        "request_id": "r",
        "forwarded_for": "",
        "status": status,
        "bytes": 0,
        "protocol": "http",
        "connect_ms": 0.0,
        "service_ms": 0.0,
    }
    return Entry(**(told | fields))


def counted(*entries: Entry) -> Answered:
    counts = Counts(lambda: 7.0)
    for one in entries:
        counts.note(APP, "web", one)
    (of,) = counts.figures().processes
    return of


@pytest.mark.parametrize(
    ("one", "kind", "is_error"),
    [
        (entry(200), (2, ""), False),
        (entry(404), (4, ""), False),
        (entry(503), (5, ""), True),
        (entry(503, error="H12"), (5, "H12"), True),
        (entry(503, error="H10"), (5, "H10"), True),
        (entry(200, error="H12", details=BY_UPSTREAM), (2, ""), False),
        (entry(200, details="upstream_reset_after_response_started{x}"), (5, "H18"), True),
        (entry(0, flags=("downstream_connection_termination",)), (4, "H27"), False),
        (entry(401, error="unauthorized"), (4, "unauthorized"), False),
        (entry(101, flags=("stream_idle_timeout",)), (1, ""), False),
    ],
)
def test_each_answer_is_of_one_kind(one: Entry, kind: tuple[int, str], is_error: bool) -> None:
    of = counted(one)
    assert of.answers == (Answers(*kind, 1),)
    assert (of.total, of.errors) == (1, int(is_error))


def test_maintenance_is_told_and_is_nobodys_answer() -> None:
    of = counted(entry(503, error="H80"), entry(200))
    assert Answers(5, "H80", 1) in of.answers
    assert (of.total, of.errors) == (1, 0)


def test_waits_are_counted_and_how_long_a_websocket_lives_is_none() -> None:
    of = counted(entry(waited_ms=3.0), entry(waited_ms=70_000.0), entry(101, waited_ms=5e6))
    assert sum(of.wait.counts) == 2
    assert of.wait.counts[WAIT_BOUNDS_S.index(0.003)] == 1
    assert of.wait.sum_s == pytest.approx(70.003)


def test_all_is_told_since_when_and_what_is_asked_for_is_told_exactly() -> None:
    counts = Counts(lambda: 7.0)
    for n in range(700):
        counts.note(AppId(f"app{n}"), "web", entry(500, waited_ms=1.0))
    every = counts.figures()
    assert every.since_s == 7.0
    assert len(every.processes) == 501
    others = every.processes[-1]
    assert (others.app, others.process, others.total, others.errors) == ("", "", 200, 200)
    assert sum(others.wait.counts) == 200
    (last,) = counts.figures({AppId("app699")}).processes
    assert (last.app, last.total) == ("app699", 1)
    assert counts.figures(()).processes == ()


def test_an_app_that_is_gone_leaves_nothing_and_there_is_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(counts, "ROWS_MAX", 2)
    found = Counts(lambda: 7.0)
    for app in ("a", "b", "c", "d"):
        found.note(AppId(app), "web", entry())
    assert [(of.app, of.total) for of in found.figures().processes] == [
        *(("a", 1), ("b", 1), ("", 2))
    ]
    found.drop(AppId("a"))
    assert AppId("a") not in {of.app for of in found.figures().processes}
