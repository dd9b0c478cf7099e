"""Signing in and out, and the tokens of people and of their programs."""

import base64

import msgspec
import pytest

from setpoint.model.account import REDACTED, digest
from tests.support.plane import Answer, Plane
from tests.unit.api.conftest import Make
from tests.unit.api.test_access import BY, account

TOKENS = "/oauth/authorizations"


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"}


def signed_in(plane: Plane, headers: dict[str, str]) -> Answer:
    """As `heroku login -i` does."""
    body = {"description": "laptop", "expires_in": 2592000, "scope": ["global"]}
    return plane.send("POST", TOKENS, body, token=None, headers=headers)


def user(plane: Plane, email: str, *, admin: bool = False) -> str:
    """The password that was made for them."""
    made = plane.send("POST", "/v1/users", {"email": email, "admin": admin})
    assert made.status == 201, made.body
    return plane.send("POST", f"/v1/users/{email}/password").json["password"]


def kept(plane: Plane) -> str:
    """All that the database has."""
    return plane.call(plane.store._reader.run(lambda db: "\n".join(db.iterdump())))


def test_the_installations_token_is_a_password_of_any_name(plane: Plane) -> None:
    answer = signed_in(plane, basic("whoever", "root-token"))
    assert answer.status == 201
    token = answer.json["access_token"]["token"]
    assert token != "root-token"
    assert answer.json["user"]["email"] == "dev@example.com"
    assert answer.json["access_token"]["expires_in"] == 2592000


def test_a_user_signs_in_with_the_password_that_was_made_and_is_who_they_are(plane: Plane) -> None:
    password = user(plane, "gil@example.com")
    answer = signed_in(plane, basic("Gil@example.com", password))
    assert answer.status == 201, answer.body
    token = answer.json["access_token"]["token"]
    assert plane.send("GET", "/account", token=token).json["email"] == "gil@example.com"
    assert plane.send("GET", "/account", token=password).status == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("gus@example.com", "guessed"),
        basic("gus@example.com", ""),
        basic("nobody@example.com", "guessed"),
        basic("", "guessed"),
        {"Authorization": "Basic !"},
        {"Authorization": "Bearer guessed"},
    ],
)
def test_nobody_signs_in_otherwise(plane: Plane, headers: dict[str, str]) -> None:
    if plane.call(plane.store.account("gus@example.com")) is None:
        user(plane, "gus@example.com")
    answer = signed_in(plane, headers)
    assert (answer.status, answer.json["id"]) == (401, "unauthorized")


def test_who_has_no_password_yet_cannot_sign_in_without_one(plane: Plane) -> None:
    plane.send("POST", "/v1/users", {"email": "new@example.com"})
    assert signed_in(plane, basic("new@example.com", "")).status == 401


def test_a_new_password_ends_the_old_one_and_no_login(plane: Plane) -> None:
    old = user(plane, "hal@example.com")
    token = signed_in(plane, basic("hal@example.com", old)).json["access_token"]["token"]
    made = plane.send("POST", "/v1/users/hal@example.com/password", token=token)
    assert made.status == 200, made.body
    assert signed_in(plane, basic("hal@example.com", old)).status == 401
    assert signed_in(plane, basic("hal@example.com", made.json["password"])).status == 201
    assert plane.send("GET", "/account", token=token).status == 200
    other = plane.send("POST", "/v1/users/gil@example.com/password", token=token)
    assert other.status == 403


def test_signing_out_ends_that_login_alone(plane: Plane) -> None:
    password = user(plane, "ida@example.com")
    laptop, phone = (
        signed_in(plane, basic("ida@example.com", password)).json["access_token"]["token"]
        for _ in range(2)
    )
    assert len(plane.send("GET", "/oauth/sessions", token=laptop).json) == 2
    assert plane.send("DELETE", "/oauth/sessions/~", token=laptop).status == 200
    assert plane.send("GET", "/account", token=laptop).status == 401
    assert len(plane.send("GET", "/oauth/sessions", token=phone).json) == 1


def test_a_list_shows_the_ends_of_a_token_and_its_maker_the_whole_once(plane: Plane) -> None:
    mine = account(plane, "joy@example.com")
    body = {"description": "ci", "scope": ["write-protected"], "expires_in": "3600"}
    made = plane.send("POST", TOKENS, body, token=mine).json
    secret = made["access_token"]["token"]
    (found,) = [t for t in plane.send("GET", TOKENS, token=mine).json if t["id"] == made["id"]]
    start, _, end = found["access_token"]["token"].partition(REDACTED)
    assert start
    assert end
    assert (secret.startswith(start), secret.endswith(end)) == (True, True)
    assert (found["scope"], found["description"]) == (["write-protected"], "ci")
    assert found["access_token"]["expires_in"] in (3599, 3600)
    assert plane.send("GET", f"{TOKENS}/{made['id']}", token=mine).json == found
    assert secret not in kept(plane)
    assert digest(secret).hex().upper() in kept(plane)


def test_a_token_expires(plane: Plane) -> None:
    mine = account(plane, "kai@example.com")
    made = plane.send("POST", TOKENS, {"expires_in": 1}, token=mine).json
    secret = made["access_token"]["token"]
    assert plane.send("GET", "/account", token=secret).status == 200
    row = next(t for t in plane.call(plane.store.tokens("kai@example.com")) if t.id == made["id"])
    assert row.expires_at_s == row.created_at_s + 1


def test_an_expired_token_is_good_for_nothing_and_in_no_list(plane: Plane) -> None:
    secret = account(plane, "kim@example.com")
    (row,) = plane.call(plane.store.tokens("kim@example.com"))
    past = msgspec.structs.replace(row, expires_at_s=0.5)
    plane.call(plane.store.commit_people(BY, "alter a token of", "Expire", [past]))
    assert plane.send("GET", "/account", token=secret).status == 401


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"scope": ["identity"]}, "no scope here"),
        ({"scope": ["everything"]}, "no scope here"),
        ({"expires_in": 0}, "it would expire"),
        ({"expires_in": -5}, "it would expire"),
        ({"expires_in": 10**11}, "it would expire"),
        ({"expires_in": "soon"}, "which is no number"),
    ],
)
def test_a_token_nobody_can_have_is_refused(
    plane: Plane, body: dict[str, object], told: str
) -> None:
    answer = plane.send("POST", TOKENS, body)
    assert (answer.status, answer.json["id"]) == (422, "invalid_params")
    assert told in answer.json["message"]


def test_rotating_gives_another_secret_and_ends_the_one_before(plane: Plane) -> None:
    mine = account(plane, "lea@example.com")
    made = plane.send("POST", TOKENS, {"description": "bot"}, token=mine).json
    where, before = f"{TOKENS}/{made['id']}", made["access_token"]["token"]
    after = plane.send("POST", f"{where}/actions/regenerate-tokens", token=mine).json
    assert after["id"] == made["id"]
    assert plane.send("GET", "/account", token=before).status == 401
    assert plane.send("GET", "/account", token=after["access_token"]["token"]).status == 200
    assert plane.send("PATCH", where, {"description": "robot"}, token=mine).json["description"] == (
        "robot"
    )


def test_a_token_is_revoked_by_its_owner_or_by_itself_and_by_nobody_else(plane: Plane) -> None:
    mine, theirs = account(plane, "max@example.com"), account(plane, "mia@example.com")
    made = plane.send("POST", TOKENS, {"scope": ["read"]}, token=mine).json
    where, narrow = f"{TOKENS}/{made['id']}", made["access_token"]["token"]
    missing = plane.send("DELETE", where, token=theirs)
    assert (missing.status, missing.json["resource"]) == (404, "authorization")
    (full,) = [t for t in plane.send("GET", TOKENS, token=mine).json if t["id"] != made["id"]]
    assert plane.send("DELETE", f"{TOKENS}/{full['id']}", token=narrow).status == 403
    assert plane.send("DELETE", where, token=narrow).json["id"] == made["id"]
    assert plane.send("GET", "/account", token=narrow).status == 401
    assert plane.send("DELETE", f"{TOKENS}/{full['id']}", token=mine).status == 200
    assert plane.send("GET", "/account", token=mine).status == 401


def test_a_narrowed_token_makes_no_other(plane: Plane) -> None:
    narrow = account(plane, "ned@example.com", "write")
    assert plane.send("POST", TOKENS, {}, token=narrow).status == 403
    headers = basic("ned@example.com", narrow)
    assert plane.send("POST", TOKENS, {}, token=None, headers=headers).status == 403


def test_of_many_logins_the_oldest_goes_and_of_tokens_there_is_a_limit(plane: Plane) -> None:
    password = user(plane, "ola@example.com")
    first, *_ = [signed_in(plane, basic("ola@example.com", password)).json for _ in range(51)]
    token = first["access_token"]["token"]
    assert plane.send("GET", "/account", token=token).status == 401
    assert len(plane.call(plane.store.tokens("ola@example.com"))) == 50


def test_a_removed_account_is_signed_out_everywhere_and_leaves_no_role(
    plane: Plane, app: Make
) -> None:
    app("left-behind")
    password = user(plane, "pat@example.com")
    token = signed_in(plane, basic("pat@example.com", password)).json["access_token"]["token"]
    plane.send("PUT", "/v1/apps/left-behind/access/pat@example.com", {"role": "manage"})
    assert plane.send("GET", "/apps/left-behind", token=token).status == 200
    assert plane.send("DELETE", "/v1/users/pat@example.com").status == 200
    assert plane.send("GET", "/account", token=token).status == 401
    assert signed_in(plane, basic("pat@example.com", password)).status == 401
    again = account(plane, "pat@example.com")
    assert plane.send("GET", "/apps/left-behind", token=again).status == 404
    assert plane.send("GET", "/account", token=token).status == 401, "it is nobody's any more"


def test_administrators_come_and_go_and_no_account_is_there_twice(plane: Plane) -> None:
    user(plane, "quin@example.com")
    token = account(plane, "quin@example.com")
    assert plane.send("GET", "/v1/users", token=token).status == 403
    assert plane.send("PATCH", "/v1/users/quin@example.com", {"admin": True}).json["admin"]
    assert plane.send("GET", "/v1/users", token=token).status == 200
    plane.send("PATCH", "/v1/users/quin@example.com", {"admin": False})
    assert plane.send("GET", "/v1/users", token=token).status == 403
    assert plane.send("POST", "/v1/users", {"email": "QUIN@example.com"}).status == 409


@pytest.mark.parametrize(
    "email", ["", "x", "a@b@c", "a b@c.d", "admin@setpoint.localhost", "ü@example.com", "x" * 300]
)
def test_what_is_no_email_is_no_account(plane: Plane, email: str) -> None:
    assert plane.send("POST", "/v1/users", {"email": email}).status == 422


def test_what_becomes_of_accounts_and_tokens_is_a_change_with_who_and_no_secret(
    plane: Plane,
) -> None:
    password = user(plane, "rae@example.com")
    token = signed_in(plane, basic("rae@example.com", password)).json["access_token"]["token"]
    told = plane.send("GET", "/v1/changes?limit=20")
    oldest_first = [c["change"] for c in told.json[::-1] if not c["unit"]]
    found = {change["summary"]: change["asked"] for change in oldest_first}
    assert found["Add account rae@example.com"]["actor"]["email"] == "dev@example.com"
    assert found["Sign in (laptop)"]["actor"]["email"] == "rae@example.com"
    for secret in (password, token):
        assert secret not in told.body.decode()
        assert secret not in kept(plane)


def test_the_team_is_the_installation_and_its_members_the_accounts(plane: Plane) -> None:
    team, members = "/teams/setpoint", "/teams/setpoint/members"
    assert [t["name"] for t in plane.send("GET", "/teams").json] == ["setpoint"]
    assert plane.send("GET", "/teams/other").status == 404
    assert plane.send("GET", f"{team}/features").json[0]["name"] == "org-access-controls"
    added = plane.send("PUT", members, {"email": "sam@example.com", "role": "member"})
    assert (added.status, added.json["role"]) == (200, "member")
    assert "no password yet" in added.headers["warning-message"]
    made = plane.send("PUT", members, {"email": "sam@example.com", "role": "admin"})
    assert made.json["role"] == "admin"
    listed = {m["email"]: m["role"] for m in plane.send("GET", members).json}
    assert listed["sam@example.com"] == "admin"
    assert listed["admin@setpoint.localhost"] == "admin"
    assert plane.send("PUT", members, {"email": "x@example.com", "role": "owner"}).status == 422
    assert plane.send("DELETE", f"{members}/{made.json['id']}").status == 200
    assert plane.call(plane.store.account("sam@example.com")) is None
