"""Who may do what: every route of the table, by everybody who might come."""

import itertools
import re
from collections.abc import Iterator

import pytest

from setpoint.api.call import Endpoint
from setpoint.api.routes import ROUTES
from setpoint.model.account import ROLES, Account, Token, digest, hint
from setpoint.model.change import Actor, Asked
from setpoint.policy.access import SCOPE_OF
from tests.support.plane import Plane
from tests.unit.api.conftest import Make
from tests.unit.api.test_table import BODIES, CREATES, filled, named
from tests.unit.api.test_watch import Told, watching

NUMBERS = itertools.count(1)
BY = Asked(Actor("test", "test@example.com"), "api", 0.0)
STRANGER = "stranger"
ENDLESS = ("/v1/watch",)
ANSWERS = {
    "PATCH /apps/{app}": {"maintenance": True},
    "POST /apps/{app}/dynos": {"command": "true"},
    "POST /v1/apps/{app}/jobs": {"command": "true"},
    "PATCH /v1/apps/{app}/probes/{process}": {"path": "/up"},
    "POST /v1/digest/heard": {"change": 0, "at_s": 0},
}
"""What has to be said for a route to get as far as whom it is for."""


def account(plane: Plane, email: str, *scopes: str, admin: bool = False) -> str:
    """Somebody who may sign in; their token."""
    number = next(NUMBERS)
    secret = f"token-of-{email}-{number}-which-nobody-guesses"
    known = plane.call(plane.store.account(email))
    person = known or Account(f"account-{number}", email, admin, 0.0)
    token = Token(
        f"token-{number}", email, digest(secret), scopes or ("global",), "", hint(secret), 0.0
    )
    plane.call(plane.store.commit_people(BY, "add the account", "Add", [person, token]))
    return secret


def let(plane: Plane, app: str, email: str, role: str) -> None:
    done = plane.send("PUT", f"/v1/apps/{app}/access/{email}", {"role": role})
    assert done.status == 200, done.body


@pytest.fixture(scope="module")
def people(plane: Plane) -> dict[str, str]:
    """Tokens by what their holder may do to the apps of this module."""
    return {who: account(plane, f"{who}@example.com") for who in (STRANGER, *ROLES)}


def about_an_app() -> list[Endpoint]:
    return [row for row in ROUTES if "{app}" in row.path and row.need != "none"]


def about_none() -> list[Endpoint]:
    return [
        row
        for row in ROUTES
        if "{app}" not in row.path and row.need != "none" and row.path not in ENDLESS
    ]


def ask(plane: Plane, row: Endpoint, token: str, app: str = "nosuch"):
    body = ANSWERS.get(named(row), BODIES.get(row.path, {})) if row.body is not None else None
    query = "?service=git-upload-pack" if row.path.endswith("/info/refs") else ""
    path = filled(row).replace("nosuch", app, 1) if "{app}" in row.path else filled(row)
    return plane.send(row.method, path + query, body, token=token)


def test_what_is_about_an_app_needs_a_role_and_nothing_else_does() -> None:
    for row in ROUTES:
        about = "{app}" in row.path and row.need != "none"
        assert (row.need in ROLES) == about, named(row)


@pytest.mark.parametrize("row", about_an_app(), ids=named)
def test_each_route_is_open_to_its_role_and_closed_below_it(
    plane: Plane, app: Make, people: dict[str, str], row: Endpoint
) -> None:
    name = f"walked-{next(NUMBERS)}"
    app(name)
    for role in ROLES:
        let(plane, name, f"{role}@example.com", role)
    hidden = ask(plane, row, people[STRANGER], name)
    if named(row) == CREATES:
        assert (hidden.status, hidden.json["id"]) == (409, "conflict")
        assert "the name is taken" in hidden.json["message"]
    elif row.path.endswith("/plan"):  # of a draft, as if there were no such app
        assert hidden.json["draft"]["new"]
    else:
        absent = ask(plane, row, people[STRANGER])
        assert (hidden.status, absent.status) == (404, 404)
        told = hidden.json["message"].replace(name, "nosuch")
        assert told == absent.json["message"]
    needed = ROLES.index(row.need)
    for role in ROLES[:needed]:
        refused = ask(plane, row, people[role], name)
        assert (refused.status, refused.json["id"]) == (403, "forbidden"), role
        assert f"this needs '{row.need}'" in refused.json["message"]
    for role in ROLES[needed:]:
        answer = ask(plane, row, people[role], name)
        assert answer.status not in (401, 403, 500, 503), (role, answer.body)
        assert b"no such app" not in answer.body
        if row.method == "DELETE" and row.path == "/apps/{app}":
            assert answer.status == 200


@pytest.mark.parametrize("row", about_none(), ids=named)
def test_what_is_about_no_app_is_open_to_members_but_for_what_is_administrators(
    plane: Plane, people: dict[str, str], row: Endpoint
) -> None:
    answer = ask(plane, row, people[STRANGER])
    if row.need == "admin":
        assert (answer.status, answer.json["id"]) == (403, "forbidden")
        assert "that is for administrators" in answer.json["message"]
    else:
        assert answer.status not in (401, 500, 503), answer.body


@pytest.mark.parametrize("row", [r for r in ROUTES if r.need != "none"], ids=named)
@pytest.mark.parametrize("scope", ["read", "write"])
def test_a_narrowed_token_does_less_whoever_holds_it(
    plane: Plane, row: Endpoint, scope: str
) -> None:
    needed = SCOPE_OF[row.need]
    if ("read", "write", "admin").index(needed) <= ("read", "write").index(scope):
        return
    token = account(plane, "root@example.com", scope, admin=True)
    answer = ask(plane, row, token)
    assert (answer.status, answer.json["id"]) == (403, "forbidden")
    assert f"has scope '{scope}', this needs '{needed}'" in answer.json["message"]


# --- tenants ----------------------------------------------------------------------------------

LISTS = (
    "/apps",
    "/users/~/apps",
    "/teams/setpoint/apps",
    "/v1/status",
    "/v1/changes",
    "/v1/changes?limit=500",
    "/v1/digest",
    "/v1/digest?new=1",
    "/v1/decisions",
    "/v1/decisions?bets=1",
    "/v1/gaps",
    "/v1/metrics",
    "/oauth/authorizations",
    "/oauth/sessions",
)


@pytest.fixture(scope="module")
def tenants(plane: Plane) -> dict[str, str]:
    """Ana, who has the app 'anas-own' with a decision, and Bo, who has 'bos-own'."""
    tokens = {who: account(plane, f"{who}@example.com") for who in ("ana", "bo")}
    for who, token in list(tokens.items()):
        made = plane.send("POST", "/apps", {"name": f"{who}s-own"}, token=token)
        assert made.status == 201, made.body
        tokens[f"{who}s id"] = made.json["id"]
        wish = {"text": f"{who}s decision", "on": [f"{who}s-own"], "bet": f"{who} is right"}
        decided = plane.send("POST", "/v1/decisions", wish, token=token)
        assert decided.status == 201, decided.body
        tokens[f"{who}s decision"] = f"d-{decided.json['seq']}"
    return tokens


@pytest.mark.parametrize("path", LISTS)
def test_one_tenant_is_in_no_list_of_another(
    plane: Plane, tenants: dict[str, str], path: str
) -> None:
    answer = plane.send("GET", path, token=tenants["bo"])
    assert answer.status == 200, answer.body
    told = answer.body.decode()
    for theirs in ("anas", "ana@example.com", tenants["anas id"], tenants["ana"]):
        assert theirs not in told


@pytest.mark.parametrize("path", ["/apps", "/v1/status", "/v1/changes", "/v1/decisions"])
def test_ones_own_is_in_ones_lists_and_an_administrator_sees_all(
    plane: Plane, tenants: dict[str, str], path: str
) -> None:
    assert b"bos" in plane.send("GET", path, token=tenants["bo"]).body
    everything = plane.send("GET", path).body
    assert b"anas" in everything
    assert b"bos" in everything


@pytest.mark.parametrize(
    "path",
    [
        "/v1/why?resource=anas-own",
        "/v1/why?resource={id}",
        "/v1/why?resource={decision}",
        "/v1/decisions/{decision}",
        "/v1/who?resource=anas-own",
        "/v1/timeline?resource=anas-own",
        "/v1/changes?app=anas-own",
        "/v1/gaps?app=anas-own",
        "/v1/watch?app=anas-own",
        "/v1/decisions?app=anas-own",
        "/apps/{id}",
    ],
)
def test_what_is_another_tenants_is_not_there(
    plane: Plane, tenants: dict[str, str], path: str
) -> None:
    asked = path.format(id=tenants["anas id"], decision=tenants["anas decision"])
    answer = plane.send("GET", asked, token=tenants["bo"])
    assert answer.status == 404, answer.body
    if "/watch" not in path:  # that one never ends
        assert plane.send("GET", asked).status == 200


@pytest.mark.parametrize("kind", ["verifications", "questions", "outcome"])
def test_another_tenants_decision_cannot_be_spoken_of(
    plane: Plane, tenants: dict[str, str], kind: str
) -> None:
    body = {"outcome": "held"} if kind == "outcome" else {"text": "no"}
    path = f"/v1/decisions/{tenants['anas decision']}/{kind}"
    assert plane.send("POST", path, body, token=tenants["bo"]).status == 404
    assert plane.send("POST", path, body, token=tenants["ana"]).status == 201


def test_a_member_decides_for_what_is_theirs_alone(plane: Plane, tenants: dict[str, str]) -> None:
    everything = {"text": "everywhere", "on": ["*"]}
    assert plane.send("POST", "/v1/decisions", everything, token=tenants["bo"]).status == 403
    theirs = {"text": "there", "on": ["anas-own"]}
    assert plane.send("POST", "/v1/decisions", theirs, token=tenants["bo"]).status == 404


def test_another_tenants_change_takes_no_notes(plane: Plane, tenants: dict[str, str]) -> None:
    made = plane.send("GET", "/v1/changes?app=anas-own").json[0]["change"]["seq"]
    note = f"/v1/changes/{made}/notes"
    assert plane.send("POST", note, {"text": "I saw it"}, token=tenants["bo"]).status == 404
    assert plane.send("POST", note, {"text": "mine"}, token=tenants["ana"]).status == 201


def test_a_file_cannot_reach_into_another_tenants_app(
    plane: Plane, tenants: dict[str, str]
) -> None:
    file = {"apps": [{"name": "anas-own", "maintenance": {"on": True}}]}
    refused = plane.send("POST", "/v1/apply", {"file": file}, token=tenants["bo"])
    assert (refused.status, refused.json["id"]) == (409, "conflict")
    assert "the name is taken" in refused.json["message"]


def test_who_may_deploy_cannot_apply_what_takes_more(plane: Plane, app: Make) -> None:
    app("half-open")
    token = account(plane, "dee@example.com")
    let(plane, "half-open", "dee@example.com", "deploy")
    file = {"apps": [{"name": "half-open", "maintenance": {"on": True}}]}
    assert plane.send("POST", "/v1/plan", file, token=token).status == 200
    refused = plane.send("POST", "/v1/apply", {"file": file}, token=token)
    assert (refused.status, refused.json["id"]) == (403, "forbidden")


def test_nobody_hears_on_anothers_behalf_but_administrators(
    plane: Plane, tenants: dict[str, str]
) -> None:
    as_ana = {"X-Setpoint-On-Behalf-Of": "ana@example.com"}
    told = plane.send("GET", "/v1/digest", token=tenants["bo"], headers=as_ana).json
    assert told["digest"]["person"] == "bo@example.com"
    told = plane.send("GET", "/v1/digest", headers=as_ana).json
    assert told["digest"]["person"] == "ana@example.com"


def units_until(told: Iterator[Told], unit: str, verb: str) -> set[str]:
    """Of all that is told before somebody's deed, and of that."""
    found: set[str] = set()
    for event in told:
        if event.type != "bookmark":
            found.add(event.data["unit"])
        of_it = event.type == "change.accepted" and event.data["unit"] == unit
        if of_it and event.data["body"]["verb"] == verb:
            return found
    raise AssertionError("the feed ended")


def test_who_watches_hears_of_what_is_theirs_and_of_what_they_are_let(
    plane: Plane, tenants: dict[str, str], app: Make
) -> None:
    mine, token = tenants["bos id"], tenants["bo"]
    body = {"maintenance": True}
    with watching(plane, Authorization=f"Bearer {token}") as told:
        assert next(told).type == "bookmark"
        other = app("unheard-of")
        account(plane, "nobody-hears@example.com")
        plane.send("PATCH", "/apps/bos-own", body, token=token)
        assert units_until(told, mine, "switch maintenance of") == {mine}
        let(plane, "unheard-of", "bo@example.com", "view")
        assert other in units_until(told, other, "give access to")
        plane.send("DELETE", "/v1/apps/unheard-of/access/bo@example.com")
        plane.send("PATCH", "/apps/unheard-of", body)
        plane.send("PATCH", "/apps/bos-own", {"maintenance": False}, token=token)
        heard = units_until(told, mine, "switch maintenance of")
        plane.send("PATCH", "/apps/unheard-of", {"maintenance": False})
        plane.send("PATCH", "/apps/bos-own", body, token=token)
        assert units_until(told, mine, "switch maintenance of") == {mine}
    assert "" not in heard


# --- what is let, is told, and is taken back ------------------------------------------------


def test_roles_are_changes_of_the_app_with_who_and_why(plane: Plane, app: Make) -> None:
    app("shared")
    account(plane, "cy@example.com")
    headers = {"Commit-Message": "Cy joins us", "X-Setpoint-On-Behalf-Of": "boss@example.com"}
    path = "/v1/apps/shared/access/cy@example.com"
    assert plane.send("PUT", path, {"role": "operate"}, headers=headers).status == 200
    change = plane.send("GET", "/v1/changes?app=shared").json[0]["change"]
    assert change["summary"] == "Let cy@example.com operate"
    assert change["asked"]["why"] == "Cy joins us"
    assert change["asked"]["on_behalf_of"] == "boss@example.com"
    told = plane.send("GET", "/v1/why?resource=shared&field=access.cy@example.com").json
    assert "operate" in "\n".join(told["lines"])
    assert plane.send("PUT", path, {"role": "view"}).status == 200
    assert plane.send("DELETE", path).json == [{"email": "dev@example.com", "role": "owner"}]


def test_a_role_that_is_taken_away_is_gone_at_once(plane: Plane, app: Make) -> None:
    app("lent")
    token = account(plane, "di@example.com")
    let(plane, "lent", "di@example.com", "manage")
    assert plane.send("GET", "/apps/lent", token=token).status == 200
    assert plane.send("DELETE", "/v1/apps/lent/access/di@example.com").status == 200
    assert plane.send("GET", "/apps/lent", token=token).status == 404


@pytest.mark.parametrize(
    ("permissions", "role"),
    [
        (None, "operate"),
        ([], "view"),
        (["view"], "view"),
        (["deploy"], "deploy"),
        (["deploy", "view"], "deploy"),
        (["deploy", "operate", "view"], "operate"),
        (["manage", "operate", "deploy", "view"], "manage"),
    ],
)
def test_herokus_permissions_are_read_back_as_they_were_written(
    plane: Plane, app: Make, permissions: list[str] | None, role: str
) -> None:
    name, email = f"team-{next(NUMBERS)}", f"p{next(NUMBERS)}@example.com"
    app(name)
    account(plane, email)
    body = {"user": email} | ({"permissions": permissions} if permissions is not None else {})
    made = plane.send("POST", f"/teams/apps/{name}/collaborators", body)
    assert made.status == 201, made.body
    said = [p["name"] for p in made.json["permissions"]]
    assert said == list(ROLES[: ROLES.index(role) + 1])
    assert plane.send("GET", f"/apps/{name}/collaborators/{email}").json == made.json
    assert plane.send("GET", f"/apps/{name}/collaborators/{made.json['id']}").json == made.json
    assert plane.send("GET", f"/v1/apps/{name}/access").json[1] == {"email": email, "role": role}


@pytest.mark.parametrize("permissions", [["operate"], ["manage", "view"], ["everything"]])
def test_nobody_is_given_more_than_was_said(
    plane: Plane, app: Make, permissions: list[str]
) -> None:
    name = f"careful-{next(NUMBERS)}"
    app(name)
    account(plane, "ed@example.com")
    body = {"user": "ed@example.com", "permissions": permissions}
    refused = plane.send("POST", f"/teams/apps/{name}/collaborators", body)
    assert (refused.status, refused.json["id"]) == (422, "invalid_params")
    assert re.search(r"comes with|no permission", refused.json["message"])


def test_access_is_given_to_accounts_that_are_there_and_not_twice(plane: Plane, app: Make) -> None:
    app("guarded")
    where = "/apps/guarded/collaborators"
    assert plane.send("POST", where, {"user": "ghost@example.com"}).status == 404
    account(plane, "fay@example.com")
    assert plane.send("POST", where, {"user": " FAY@example.com "}).status == 201
    assert plane.send("POST", where, {"user": "fay@example.com"}).status == 409
    assert plane.send("DELETE", f"{where}/fay@example.com").status == 200
    missing = plane.send("DELETE", f"{where}/fay@example.com")
    assert (missing.status, missing.json["resource"]) == (404, "collaborator")
