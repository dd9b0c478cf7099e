"""Webhooks at the doors: as they were written, but for secrets, which nobody is told again."""

import pytest

from tests.support.plane import Answer, Plane
from tests.unit.api.conftest import Make
from tests.unit.api.test_access import account, let

URL = "https://me:hunter2hunter2@chat.example.com/hook?key=k1k1k1k1"
SECRETS = ("hunter2hunter2", "k1k1k1k1", "sign-it-with-this", "Bearer abcdef123456")


def add(plane: Plane, app: str, **more: object) -> Answer:
    body = {"include": ["api:release", "api:build"], "level": "notify", "url": URL, **more}
    return plane.send("POST", f"/apps/{app}/webhooks", body)


def test_what_was_written_is_read_back_and_the_secret_is_told_once(plane: Plane, app: Make) -> None:
    app("hooked")
    made = add(plane, "hooked", secret="sign-it-with-this", authorization="Bearer abcdef123456")
    assert made.status == 201
    assert made.headers["heroku-webhook-secret"] == "sign-it-with-this"
    hook = made.json
    assert hook.keys() == {"id", "app", "include", "level", "url", "created_at", "updated_at"}
    assert (hook["url"], hook["level"]) == (URL, "notify")
    assert hook["include"] == ["api:release", "api:build"]
    where = f"/apps/hooked/webhooks/{hook['id']}"
    again = plane.send("GET", where)
    assert again.json == hook
    assert "heroku-webhook-secret" not in again.headers
    assert plane.send("GET", "/apps/hooked/webhooks").json == [hook]
    patched = plane.send("PATCH", where, {"level": "sync", "include": ["api:app"]})
    assert patched.json == {**hook, "level": "sync", "include": ["api:app"]}
    changes = plane.send("GET", "/v1/changes?app=hooked").json
    assert [c["change"]["summary"] for c in changes[:2]] == [
        "Update webhook to https://chat.example.com",
        "Add webhook to https://chat.example.com",
    ]
    assert (
        plane.send("PATCH", where, {"level": "sync", "secret": "sign-it-with-this"}).status == 200
    )
    assert len(plane.send("GET", "/v1/changes?app=hooked").json) == len(changes)
    assert plane.send("PATCH", where, {"authorization": None}).status == 200
    assert plane.send("DELETE", where).json["id"] == hook["id"]
    gone = plane.send("GET", where)
    assert (gone.status, gone.json["resource"]) == (404, "app_webhook")


def test_without_a_secret_there_is_one_made(plane: Plane, app: Make) -> None:
    app("unsigned")
    assert len(add(plane, "unsigned").headers["heroku-webhook-secret"]) >= 8


def test_no_secret_is_told_to_anybody_else_nor_anywhere(plane: Plane, app: Make) -> None:
    app("hushed-hooks")
    add(plane, "hushed-hooks", secret=SECRETS[2], authorization=SECRETS[3])
    token = account(plane, "viewer-of-hooks@example.com")
    let(plane, "hushed-hooks", "viewer-of-hooks@example.com", "view")
    (seen,) = plane.send("GET", "/apps/hushed-hooks/webhooks", token=token).json
    assert seen["url"] == "https://chat.example.com"
    id = seen["id"]
    for page in (
        "/apps/hushed-hooks/webhooks",
        f"/apps/hushed-hooks/webhooks/{id}",
        "/v1/apps/hushed-hooks/why",
        f"/v1/why?resource=hushed-hooks&field=webhooks.{id}.secret&undo=1",
        "/v1/changes?app=hushed-hooks",
        "/v1/apps/hushed-hooks",
    ):
        body = plane.send("GET", page, token=token).body.decode()
        assert not any(secret in body for secret in SECRETS), page
    told = plane.send("GET", f"/apps/hushed-hooks/webhooks/{id}").body.decode()
    assert URL in told
    assert not any(secret in told for secret in SECRETS[2:])
    for words in SECRETS:
        refused = plane.send(
            "PATCH", "/apps/hushed-hooks", {"maintenance": True}, headers={"Commit-Message": words}
        )
        assert refused.json["id"] == "why_contains_secret", words


@pytest.mark.parametrize(
    ("more", "fact"),
    [
        ({"url": "http://chat.example.com"}, "that is no address for it"),
        ({"url": "https://127.0.0.1/x"}, "is not a public address"),
        ({"url": "https://localhost/x"}, "is not a public address"),
        ({"include": ["api:toaster"]}, "'api:toaster' is nothing to tell of"),
        ({"include": []}, "it is of nothing"),
        ({"level": "often"}, "'often' is no level"),
        ({"secret": "short"}, "the secret is not valid"),
        ({"authorization": "a\nb"}, "the authorization is not valid"),
    ],
)
def test_what_cannot_be_is_refused(plane: Plane, app: Make, more: dict[str, object], fact: str):
    if plane.send("GET", "/apps/refused-hook").status == 404:
        app("refused-hook")
    refused = add(plane, "refused-hook", **more)
    assert (refused.status, refused.json["id"]) == (422, "invalid_params")
    assert fact in refused.json["message"]


def test_there_are_only_so_many(plane: Plane, app: Make) -> None:
    app("many-hooks")
    for number in range(20):
        assert add(plane, "many-hooks", url=f"https://h{number}.example.com/").status == 201
    assert add(plane, "many-hooks").json["id"] == "over_limit"


def test_what_nobody_was_told_is_empty_or_not_found(plane: Plane, app: Make) -> None:
    app("untold")
    for what in ("webhook-deliveries", "webhook-events"):
        assert plane.send("GET", f"/apps/untold/{what}").json == []
        assert plane.send("GET", f"/apps/untold/{what}/nosuch").status == 404
    assert plane.send("GET", "/apps/untold/webhook-deliveries?eq[status]=pending").json == []
