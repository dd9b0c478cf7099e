"""The feed at the door: from where one was, of whom one asked, and of nothing that is not there."""

import contextlib
import gc
import json
import re
import socket
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from setpoint.formats import cursor
from setpoint.formats.cursor import Cursor
from setpoint.model.retention import DAY_S, Retention
from tests.support.plane import Plane
from tests.support.waiting import until
from tests.unit.api.conftest import Make

SENT_UNREAD_MAX = 512 * 1024
"""More than the buffers of a connection hold, ours and the kernel's."""
LONG = 16 * 1024


class Told(NamedTuple):
    id: str
    type: str
    data: Any


@contextlib.contextmanager
def watching(plane: Plane, query: str = "", **headers: str) -> Iterator[Iterator[Told]]:
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(20)
        link.connect(str(plane.paths.api_socket))
        sent = {"Host": "x", "Authorization": "Bearer look-token", **headers}
        lines = [f"GET /v1/watch{query} HTTP/1.1", *(f"{k}: {v}" for k, v in sent.items()), "", ""]
        link.sendall("\r\n".join(lines).encode())
        with link.makefile("rb") as file:
            yield _told(file)


def _told(lines: Any) -> Iterator[Told]:
    found: dict[str, str] = {}
    for line in lines:
        name, _, said = line.decode().strip().partition(": ")
        found[name] = said
        if name == "data":
            yield Told(found["id"], found["event"], json.loads(said))


@pytest.fixture
def no_garbage_collected() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def watchers(plane: Plane) -> int:
    return plane.send("GET", "/v1/status").json["watch"]["watchers"]


def at(plane: Plane, place: int) -> str:
    return cursor.encode(Cursor(plane.store.incarnation, place))


def here(plane: Plane) -> str:
    return plane.send("GET", "/v1/status").json["cursor"]


def test_it_begins_with_a_bookmark_and_what_was_missed(plane: Plane, app: Make) -> None:
    since = here(plane)
    id = app("watched")
    with watching(plane, f"?since={since}") as told:
        first = next(told)
        # The plane is shared: an app of another test may tell something meanwhile.
        second = next(e for e in told if e.data.get("unit") == id)
    assert (first.type, first.id, first.data["cursor"]) == ("bookmark", since, since)
    assert first.data["at_s"] > 0
    assert second.type == "change.accepted"
    assert second.data["body"]["verb"] == "create"


def test_without_a_cursor_it_starts_now(plane: Plane, app: Make) -> None:
    before = app("long-ago")
    with watching(plane) as told:
        assert next(told).type == "bookmark"
        id = app("just-now")
        # The plane is shared: an app of another test may tell something meanwhile.
        assert next(u for e in told if (u := e.data.get("unit")) in (before, id)) == id


def test_each_id_is_a_cursor_to_go_on_from(plane: Plane, app: Make) -> None:
    since = here(plane)
    ids = [app(f"resumed-{n}") for n in range(3)]
    seen: list[str] = []
    while len(seen) < 3:
        with watching(plane, "?since=ignored", **{"Last-Event-ID": since}) as told:
            news = next(t for t in told if t.type == "change.accepted")
            since = news.id
            seen.append(news.data["unit"])
    assert seen == ids


def test_of_one_app_nothing_of_another_is_told(plane: Plane, app: Make) -> None:
    mine = app("mine")
    detail = plane.send("GET", "/v1/apps/mine").json
    app("theirs")
    plane.send("PATCH", "/apps/mine/config-vars", {"A": "1"})
    with watching(plane, f"?since={detail['cursor']}&app=mine") as told:
        while (news := next(told)).type != "change.accepted" or not news.data["body"]["verb"]:
            assert news.type == "bookmark" or news.data["unit"] == mine
        assert news.data["unit"] == mine
    assert plane.send("GET", "/v1/watch?app=nobodys").status == 404


@pytest.mark.parametrize("garbage", ["0", "17", "-1", "x" * 23, "AQAAAAEAAAAAAAAAAQAAAAA", "%00"])
def test_what_is_no_cursor_is_refused(plane: Plane, garbage: str) -> None:
    refused = plane.send("GET", f"/v1/watch?since={garbage}")
    assert (refused.status, refused.json["id"]) == (400, "bad_request")
    assert refused.json["message"].startswith("cannot watch from that cursor on: it is no cursor")


def test_one_of_before_a_restore_or_from_a_time_that_never_was_is_gone(plane: Plane) -> None:
    for other in (Cursor(plane.store.incarnation + 1, 0), Cursor(plane.store.incarnation, 2**40)):
        gone = plane.send("GET", f"/v1/watch?since={cursor.encode(other)}")
        assert (gone.status, gone.json["id"]) == (410, "gone")


def test_one_from_before_the_floor_is_gone_and_a_look_has_the_next(plane: Plane, app: Make) -> None:
    app("forgetful")
    plane.call(plane.store.prune(Retention(), 1.0))
    plane.call(plane.store.prune(Retention(), 1.0 + 8 * DAY_S))
    floor, newest = plane.call(plane.store.event_bounds())
    assert 0 < floor <= newest
    gone = plane.send("GET", "/v1/watch", headers={"Last-Event-ID": at(plane, floor - 1)})
    assert gone.status == 410
    assert "what happened next is kept no longer" in gone.json["message"]
    assert "/v1/status" in gone.json["hint"]
    with watching(plane, f"?since={here(plane)}") as told:
        assert next(told).type == "bookmark"


def test_how_late_the_feed_is_can_be_scraped(plane: Plane) -> None:
    # One that is gone counts until the next bookmark finds nobody.
    until(lambda: watchers(plane) == 0)
    with watching(plane) as told:
        next(told)
        shown = plane.send("GET", "/v1/metrics")
        status = plane.send("GET", "/v1/status").json["watch"]
    assert shown.headers["content-type"].startswith("text/plain")
    assert b"# TYPE setpoint_watchers gauge\nsetpoint_watchers 1.0\n" in shown.body
    (value,) = re.findall(rb"^setpoint_watch_staleness_seconds (\S+)$", shown.body, re.MULTILINE)
    assert 0 <= float(value) < 60
    assert status["watchers"] == 1


def test_who_read_nothing_and_left_counts_no_more_without_a_collection_of_garbage(
    plane: Plane, no_garbage_collected: None
) -> None:
    since = here(plane)
    for number in range(3 * SENT_UNREAD_MAX // LONG):
        plane.call(plane.store.tell("it", number=number, long="x" * LONG))
    before = watchers(plane)
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            next(stack.enter_context(watching(plane, f"?since={since}")))
        until(lambda: watchers(plane) == before + 3)
    until(lambda: watchers(plane) <= before)
