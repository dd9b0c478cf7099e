"""Signing in by a browser: begun by a command line, done on a page, fetched by the former, once."""

import re
import socket
import threading
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest

from setpoint.api import attempts
from setpoint.api.attempts import Attempt, Attempts
from tests.support.plane import Answer, Plane
from tests.unit.api.test_tokens import user

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
DESCRIPTION = "Heroku CLI login from <laptop>"


@dataclass
class Visit:
    """A browser at a page: what it was shown, and what it keeps."""

    plane: Plane
    where: str
    page: Answer
    cookie: str
    csrf: str

    def send(self, csrf: str | None = None, cookie: str | None = None, **fields: str) -> Answer:
        said = {"csrf": self.csrf if csrf is None else csrf, **fields}
        headers = FORM | {"Cookie": self.cookie if cookie is None else cookie}
        body = urlencode(said).encode()
        return self.plane.send("POST", self.where, token=None, headers=headers, raw=body)


def begun(plane: Plane) -> dict[str, str]:
    answer = plane.send("POST", "/auth", {"description": DESCRIPTION}, token=None)
    assert answer.status == 200, answer.body
    return answer.json


def visit(plane: Plane, urls: dict[str, str]) -> Visit:
    page = plane.send("GET", urls["browser_url"], token=None)
    assert page.status == 200, page.body
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.body.decode())
    assert csrf is not None
    cookie = page.headers["set-cookie"].partition(";")[0]
    return Visit(plane, urls["browser_url"], page, cookie, csrf[1])


def fetched(plane: Plane, urls: dict[str, str], token: str | None = None) -> Answer:
    return plane.send("GET", urls["cli_url"], token=token or urls["token"])


def test_who_signs_in_on_the_page_is_signed_in_where_it_began(plane: Plane) -> None:
    password = user(plane, "browsing@example.com")
    urls = begun(plane)
    came: list[Answer] = []
    waiting = threading.Thread(target=lambda: came.append(fetched(plane, urls)))
    waiting.start()
    browser = visit(plane, urls)
    done = browser.send(email="browsing@example.com", password=password)
    waiting.join(20)
    assert done.status == 200
    assert "signed in as browsing@example.com" in done.body.decode()
    token = came[0].json["access_token"]
    assert token not in done.body.decode()
    assert plane.send("GET", "/account", token=token).json["email"] == "browsing@example.com"
    (session,) = plane.send("GET", "/oauth/sessions", token=token).json
    assert session["description"] == DESCRIPTION
    assert 0 < session["expires_in"] <= 30 * 86400


def test_the_installations_token_is_its_password_here_too(plane: Plane) -> None:
    urls = begun(plane)
    done = visit(plane, urls).send(email="admin@setpoint.localhost", password="root-token")
    assert done.status == 200
    assert fetched(plane, urls).json["access_token"] != "root-token"


def test_it_is_told_once_and_to_nobody_else(plane: Plane) -> None:
    urls = begun(plane)
    assert fetched(plane, urls, "guessed").status == 404
    browser = visit(plane, urls)
    assert browser.send(email="x", password="root-token").status == 200
    assert fetched(plane, urls, "guessed").status == 404
    assert "access_token" in fetched(plane, urls).json
    assert fetched(plane, urls).status == 404
    assert browser.send(email="x", password="root-token").status == 404
    assert plane.send("GET", urls["browser_url"], token=None).status == 404


def test_a_guess_is_not_told_even_when_it_is_decided(plane: Plane) -> None:
    urls = begun(plane)
    assert visit(plane, urls).send(email="x", password="root-token").status == 200
    assert fetched(plane, urls, "guessed").status == 404
    assert "access_token" in fetched(plane, urls).json


def test_who_waits_hears_something_at_once_and_then_again(plane: Plane) -> None:
    urls = begun(plane)
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(20)
        link.connect(str(plane.paths.api_socket))
        lines = [
            f"GET {urls['cli_url']} HTTP/1.1",
            "Host: x",
            f"Authorization: Bearer {urls['token']}",
        ]
        link.sendall("\r\n".join([*lines, "", ""]).encode())
        heard = b""
        while not heard.endswith(b"\r\n\r\n1\r\n \r\n1\r\n \r\n"):
            piece = link.recv(4096)
            assert piece, heard
            heard += piece
    assert visit(plane, urls).send(cancel="1").status == 200


def test_the_page_says_who_waits_and_takes_nothing_from_elsewhere(plane: Plane) -> None:
    page = visit(plane, begun(plane)).page
    text = page.body.decode()
    assert "Heroku CLI login from &lt;laptop&gt;" in text
    assert "<laptop>" not in text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    assert {"HttpOnly", "SameSite=strict"} <= set(page.headers["set-cookie"].split("; "))
    assert "<script" not in text


@pytest.mark.parametrize(
    ("csrf", "cookie"),
    [
        ("", None),
        ("forged.forged", None),
        ("fälschlich", None),
        (None, ""),
        (None, "setpoint-login=x"),
    ],
)
def test_what_another_page_sends_signs_nobody_in(
    plane: Plane, csrf: str | None, cookie: str | None
) -> None:
    urls = begun(plane)
    refused = visit(plane, urls).send(csrf, cookie, email="x", password="root-token")
    assert (refused.status, refused.json["id"]) == (403, "forbidden")


def test_two_pages_of_one_browser_do_not_disturb_each_other(plane: Plane) -> None:
    first, second = visit(plane, begun(plane)), visit(plane, begun(plane))
    for browser in (first, second):
        assert f"Path={browser.where}" in browser.page.headers["set-cookie"]


def test_another_visitors_page_is_of_no_use(plane: Plane) -> None:
    mine, theirs = visit(plane, begun(plane)), visit(plane, begun(plane))
    refused = mine.send(theirs.csrf, email="x", password="root-token")
    assert refused.status == 403


def test_a_browser_that_says_it_comes_from_elsewhere_is_refused(plane: Plane) -> None:
    urls = begun(plane)
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert plane.send("GET", urls["browser_url"], token=None, headers=headers).status == 403


def test_a_wrong_password_may_be_tried_again_but_not_for_ever(plane: Plane) -> None:
    urls = begun(plane)
    browser = visit(plane, urls)
    for _ in range(attempts.TRIES_MAX - 1):
        again = browser.send(email="x@example.com", password="guessed")
        assert again.status == 401
        assert "The email or the password is wrong." in again.body.decode()
        assert "guessed" not in again.body.decode()
    assert browser.send(email="x@example.com", password="guessed").status == 403
    assert browser.send(email="x", password="root-token").status == 404
    assert "wrong too often" in fetched(plane, urls).json["error"]


def test_who_did_not_begin_it_cancels_it(plane: Plane) -> None:
    urls = begun(plane)
    assert visit(plane, urls).send(cancel="1").status == 200
    assert "it was cancelled" in fetched(plane, urls).json["error"]


def test_a_narrowed_token_signs_nobody_in(plane: Plane) -> None:
    urls = begun(plane)
    refused = visit(plane, urls).send(email="x", password="look-token")
    assert refused.status == 403
    assert "this needs" in refused.body.decode()


@pytest.mark.parametrize("raw", [b"x" * 9000, b"&".join([b"a=b"] * 20), b"\xff\xfe=%zz"])
def test_a_strange_form_is_refused(plane: Plane, raw: bytes) -> None:
    urls = begun(plane)
    browser = visit(plane, urls)
    headers = FORM | {"Cookie": browser.cookie}
    answer = plane.send("POST", urls["browser_url"], token=None, headers=headers, raw=raw)
    assert 400 <= answer.status < 500


def attempt(place: str, until_s: float) -> Attempt:
    return Attempt(place, f"secret of {place}", "cli", "127.0.0.1", until_s)


def test_after_its_time_it_is_over_and_there_are_never_too_many() -> None:
    known = Attempts()
    old = attempt("old", 600.0)
    known.begin(old, 0.0)
    assert known.open("old", 599.0) is old
    assert known.open("old", 600.0) is None
    for number in range(attempts.ATTEMPTS_MAX):
        known.begin(attempt(f"{number}", 700.0), 1.0)
    assert known.open("old", 1.0) is None
    assert old.decided.is_set()
    assert known.open("0", 1.0) is not None
    known.begin(attempt("late", 2000.0), 1000.0)
    assert known.open("0", 1000.0) is None
