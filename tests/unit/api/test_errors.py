"""The status table: every error there is has one answer, and a bug says nothing."""

import logging

import pytest

import setpoint.api.errors as errors
from setpoint.model.errors import Forbidden, NotFound, SetpointError, StoreError, Transient
from tests.support.plane import Plane


def below(kind: type[SetpointError]) -> list[type[SetpointError]]:
    return [kind, *(s for sub in kind.__subclasses__() for s in below(sub))]


@pytest.mark.parametrize(
    "kind", [k for k in below(SetpointError) if "setpoint.cli" not in k.__module__]
)
def test_every_error_has_a_status_and_an_id(kind: type[SetpointError]) -> None:
    answer = errors.answer(kind("cannot do it: no"))
    assert 400 <= answer.status < 600
    assert answer.id.replace("_", "").isalpha()


@pytest.mark.parametrize(
    ("error", "status", "id"),
    [
        (errors.BadRequest(""), 400, "bad_request"),
        (Forbidden(""), 403, "forbidden"),
        (NotFound(""), 404, "not_found"),
        (errors.TooLarge(""), 413, "request_too_large"),
        (StoreError(""), 503, "store_unavailable"),
        (Transient(""), 503, "unavailable"),
    ],
)
def test_the_nearest_class_counts(error: SetpointError, status: int, id: str) -> None:
    assert errors.answer(error) == (status, id)


def test_the_hint_is_in_the_message_too_since_heroku_s_clients_print_only_that() -> None:
    body = errors.body(NotFound("cannot find it: gone", "look elsewhere"), "r-1")
    assert body.message == "cannot find it: gone\nlook elsewhere"
    assert body.hint == "look elsewhere"


def test_a_bug_answers_500_with_the_request_id_and_nothing_else(
    plane: Plane, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(plane.store, "units", broken)
    with caplog.at_level(logging.ERROR, "setpoint.api"):
        answer = plane.send("GET", "/apps", headers={"Request-Id": "r-77"})
    assert answer.status == 500
    assert answer.json["id"] == "internal_error"
    assert "r-77" in answer.json["message"]
    assert b"hunter2" not in answer.body
    assert "request.failed" in caplog.text


def test_a_store_that_is_away_is_503(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise StoreError("cannot read the store: the disk is full", "free some space")

    monkeypatch.setattr(plane.store, "units", away)
    answer = plane.send("GET", "/apps")
    assert (answer.status, answer.json["id"]) == (503, "store_unavailable")
    assert answer.json["hint"] == "free some space"
