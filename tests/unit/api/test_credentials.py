"""SSH keys and OAuth clients: one's own alone, read back as they were written."""

from urllib.parse import quote

import pytest

from setpoint.policy.credentials import CLIENTS_MAX, KEYS_MAX
from tests.support import ssh
from tests.support.plane import Plane
from tests.unit.api.test_access import account
from tests.unit.api.test_tokens import kept

KEYS, CLIENTS = "/account/keys", "/oauth/clients"
URI = "https://amazing.example.com/auth/heroku/callback"


def test_a_key_is_read_back_as_it_was_written_and_removed_by_id_or_fingerprint(
    plane: Plane,
) -> None:
    mine = account(plane, "key-ada@example.com")
    said = [ssh.line("ada@laptop"), ssh.line("Größe 🔑", "ecdsa-sha2-nistp256")]
    made = [plane.send("POST", KEYS, {"public_key": f"{one}\n"}, token=mine).json for one in said]
    assert [key["public_key"] for key in made] == said
    assert [key["comment"] for key in made] == ["ada@laptop", "Größe 🔑"]
    assert {key["email"] for key in made} == {"key-ada@example.com"}
    assert sorted(plane.send("GET", KEYS, token=mine).json, key=lambda k: k["id"]) == sorted(
        made, key=lambda k: k["id"]
    )
    first, second = made
    for wanted in (first["id"], first["fingerprint"], quote(first["fingerprint"], safe="")):
        assert plane.send("GET", f"{KEYS}/{wanted}", token=mine).json == first
    assert plane.send("DELETE", f"{KEYS}/{first['id']}", token=mine).json == first
    gone = plane.send("DELETE", f"{KEYS}/{first['id']}", token=mine)
    assert (gone.status, gone.json["resource"]) == (404, "key")
    by_print = plane.send("DELETE", f"{KEYS}/{second['fingerprint']}", token=mine)
    assert by_print.status == 200
    assert plane.send("GET", KEYS, token=mine).json == []


def test_the_same_key_twice_is_refused_and_may_be_somebody_elses_too(plane: Plane) -> None:
    mine, theirs = (account(plane, f"key-{n}@example.com") for n in ("bob", "bea"))
    said = ssh.line("shared")
    assert plane.send("POST", KEYS, {"public_key": said}, token=mine).status == 201
    again = said.replace("shared", "under another name")
    twice = plane.send("POST", KEYS, {"public_key": again}, token=mine)
    assert (twice.status, twice.json["id"]) == (422, "invalid_params")
    assert "fingerprint already exists" in twice.json["message"]
    assert plane.send("POST", KEYS, {"public_key": said}, token=theirs).status == 201


def test_a_private_key_is_refused_and_is_neither_told_nor_kept(plane: Plane) -> None:
    mine = account(plane, "key-cyd@example.com")
    pem = ssh.private(ssh.MAKERS["ssh-ed25519"]())
    answer = plane.send("POST", KEYS, {"public_key": pem}, token=mine)
    assert answer.status == 422
    assert "that is a private key" in answer.json["message"]
    for line in pem.splitlines()[1:-1]:
        assert line not in answer.body.decode()
        assert line not in kept(plane)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"public_key": None}, 422),
        ({"public_key": 7}, 422),
        ({"public_key": "no key"}, 422),
        ({"public_key": "a" * 100_000}, 422),
    ],
)
def test_what_is_no_key_is_refused(plane: Plane, body: dict[str, object], status: int) -> None:
    answer = plane.send("POST", KEYS, body, token=account(plane, "key-dan@example.com"))
    assert answer.status == status
    assert len(answer.body) < 1000
    assert plane.send("GET", KEYS, token=account(plane, "key-dan@example.com")).json == []


def client(plane: Plane, token: str, name: str = "Amazing", uri: str = URI):
    return plane.send("POST", CLIENTS, {"name": name, "redirect_uri": uri}, token=token)


def test_a_client_is_read_back_as_it_was_written_with_its_secret(plane: Plane) -> None:
    mine = account(plane, "client-ada@example.com")
    made = client(plane, mine, "Größe 🔑")
    assert made.status == 201, made.body
    told = made.json
    assert (told["name"], told["redirect_uri"]) == ("Größe 🔑", URI)
    assert told["ignores_delinquent"] is None
    assert told["secret"]
    at = f"{CLIENTS}/{told['id']}"
    assert plane.send("GET", at, token=mine).json == told
    assert plane.send("GET", CLIENTS, token=mine).json == [told]
    assert told["secret"] not in kept(plane)
    changed = plane.send("PATCH", at, {"name": "Other"}, token=mine).json
    assert {**changed, "updated_at": ""} == {**told, "name": "Other", "updated_at": ""}
    uri = "http://localhost:3000/cb?next=/"
    changed = plane.send("PATCH", at, {"redirect_uri": uri}, token=mine).json
    assert (changed["name"], changed["redirect_uri"]) == ("Other", uri)
    assert plane.send("GET", at, token=mine).json == changed


def test_a_rotated_secret_is_another_and_the_old_one_is_kept_nowhere(plane: Plane) -> None:
    mine = account(plane, "client-bob@example.com")
    made = client(plane, mine).json
    at = f"{CLIENTS}/{made['id']}"
    again = plane.send("POST", f"{at}/actions/rotate-credentials", token=mine)
    assert again.status == 200, again.body
    assert again.json["secret"] != made["secret"]
    assert plane.send("GET", at, token=mine).json == again.json
    assert plane.send("DELETE", at, token=mine).json == again.json
    for method, path, body in (
        ("GET", at, None),
        ("PATCH", at, {"name": "x"}),
        ("DELETE", at, None),
        ("POST", f"{at}/actions/rotate-credentials", None),
    ):
        gone = plane.send(method, path, body, token=mine)
        assert (gone.status, gone.json["resource"]) == (404, "oauth_client"), method


def test_what_is_so_already_is_no_change_of_a_client(plane: Plane) -> None:
    mine = account(plane, "client-cyd@example.com")
    made = client(plane, mine).json
    before = plane.call(plane.store.changes(None, 1))
    for body in ({}, {"name": None}, {"name": "Amazing", "redirect_uri": URI}):
        same = plane.send("PATCH", f"{CLIENTS}/{made['id']}", body, token=mine)
        assert same.json == made
    assert plane.call(plane.store.changes(None, 1)) == before


def test_a_why_must_not_tell_the_secret(plane: Plane) -> None:
    mine = account(plane, "client-dan@example.com")
    made = client(plane, mine).json
    at, headers = f"{CLIENTS}/{made['id']}", {"Commit-Message": f"it was {made['secret']}"}
    answer = plane.send("DELETE", at, token=mine, headers=headers)
    assert (answer.status, answer.json["id"]) == (422, "why_contains_secret")
    assert made["secret"] not in answer.body.decode()
    assert plane.send("GET", at, token=mine).json == made


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "callback",
        "https://",
        "https:///cb",
        "http://example.com/cb",
        "http://localhost.example.com/cb",
        "http://10.0.0.1/cb",
        "ftp://localhost/",
        "javascript:alert(1)",
        "https://ada:secret-word@example.com/",
        "https://example.com/#secret-word",
        "https://example.com:99999/",
        "https://exa mple.com/",
        "https://größe.example/",
        "https://example.com/\x1b[2J",
        "https://<b>.example.com/",
        "https://[::1/",
        "https://example.com/" + "a" * 100_000,
    ],
)
def test_a_redirect_url_is_https_or_on_this_machine(plane: Plane, uri: str) -> None:
    mine = account(plane, "client-eve@example.com")
    answer = client(plane, mine, uri=uri)
    assert (answer.status, answer.json["id"]) == (422, "invalid_params")
    assert answer.json["message"].startswith("cannot create the OAuth client 'Amazing': ")
    assert "secret-word" not in answer.body.decode()
    assert plane.send("GET", CLIENTS, token=mine).json == []


@pytest.mark.parametrize(
    "uri", ["http://localhost/", "http://127.0.0.1:9/", "http://[::1]:80/x", "https://10.0.0.1/"]
)
def test_such_redirect_urls_are_taken_as_they_are(plane: Plane, uri: str) -> None:
    mine = account(plane, "client-fay@example.com")
    assert client(plane, mine, uri=uri).json["redirect_uri"] == uri


@pytest.mark.parametrize("name", ["", " ", " a", "a\nb", "a" * 101, "\x1b[2J"])
def test_a_client_has_a_name_of_one_line(plane: Plane, name: str) -> None:
    answer = client(plane, account(plane, "client-gus@example.com"), name)
    assert (answer.status, answer.json["id"]) == (422, "invalid_params")
    assert "its name is not valid" in answer.json["message"]


def test_each_sees_their_own_alone(plane: Plane) -> None:
    mine, theirs = (account(plane, f"own-{n}@example.com") for n in ("ada", "bob"))
    root = account(plane, "own-root@example.com", admin=True)
    key = plane.send("POST", KEYS, {"public_key": ssh.line("own")}, token=mine).json
    made = client(plane, mine).json
    for token in (theirs, root):
        assert plane.send("GET", KEYS, token=token).json == []
        assert plane.send("GET", CLIENTS, token=token).json == []
        for method, path in (
            ("GET", f"{KEYS}/{key['id']}"),
            ("DELETE", f"{KEYS}/{key['fingerprint']}"),
            ("GET", f"{CLIENTS}/{made['id']}"),
            ("DELETE", f"{CLIENTS}/{made['id']}"),
            ("POST", f"{CLIENTS}/{made['id']}/actions/rotate-credentials"),
        ):
            assert plane.send(method, path, token=token).status == 404, path
    assert plane.send("GET", KEYS, token=mine).json == [key]
    assert plane.send("GET", CLIENTS, token=mine).json == [made]


@pytest.mark.parametrize("scope", ["read", "write"])
def test_a_narrowed_token_reads_no_secret(plane: Plane, scope: str) -> None:
    mine = account(plane, "own-cyd@example.com")
    made = client(plane, mine).json
    narrow = account(plane, "own-cyd@example.com", scope)
    for path in (CLIENTS, f"{CLIENTS}/{made['id']}"):
        answer = plane.send("GET", path, token=narrow)
        assert answer.status == 403
        assert made["secret"] not in answer.body.decode()
    assert plane.send("GET", KEYS, token=narrow).status == 200


def test_there_is_an_end_to_how_many(plane: Plane) -> None:
    mine = account(plane, "own-dan@example.com")
    for _ in range(KEYS_MAX):
        assert plane.send("POST", KEYS, {"public_key": ssh.line()}, token=mine).status == 201
    for _ in range(CLIENTS_MAX):
        assert client(plane, mine).status == 201
    full = plane.send("POST", KEYS, {"public_key": ssh.line()}, token=mine)
    assert (full.status, full.json["id"]) == (422, "over_limit")
    full = client(plane, mine)
    assert (full.status, full.json["id"]) == (422, "over_limit")
