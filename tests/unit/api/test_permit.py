"""What is open ends with the token, and with the role, by which it was opened."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest

from setpoint.formats.control import LogLine
from tests.support.plane import Plane
from tests.unit.api.conftest import Make
from tests.unit.api.test_access import BY, account, let

LINE = LogLine(0.0, "app", "web.1", "hello")


@pytest.fixture
def followed(plane: Plane) -> Iterator[None]:
    plane.spoken.lines, plane.spoken.endless = [LINE], True
    yield
    plane.spoken.lines, plane.spoken.endless = [], False


@contextmanager
def opened(plane: Plane, path: str, token: str | None) -> Iterator[Iterator[bytes]]:
    """The lines of an answer that goes on, as they come."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(20)
        link.connect(str(plane.paths.api_socket))
        sent = f"GET {path} HTTP/1.1\r\nHost: x\r\n"
        sent += f"Authorization: Bearer {token}\r\n" if token is not None else ""
        link.sendall(f"{sent}\r\n".encode())
        with link.makefile("rb") as lines:
            yield iter(lines)


def until_open(lines: Iterator[bytes], said: bytes) -> None:
    assert b" 200 " in next(lines)
    for line in lines:
        if said in line:
            return
    raise AssertionError(f"it never said {said!r}")


def ends(lines: Iterator[bytes]) -> bool:
    """In order, as a chunked answer does; a socket that stays silent times out."""
    return b"".join(lines).rstrip().endswith(b"0")


def revoke(plane: Plane, token: str) -> None:
    (own,) = plane.send("GET", "/oauth/authorizations", token=token).json
    path = f"/oauth/authorizations/{own['id']}"
    assert plane.send("DELETE", path, token=token).status == 200


def member(plane: Plane, app: Make, name: str, role: str = "view") -> str:
    app(name)
    token = account(plane, f"of-{name}@example.com")
    let(plane, name, f"of-{name}@example.com", role)
    return token


def test_a_log_ends_when_the_token_is_revoked(plane: Plane, app: Make, followed: None) -> None:
    token = member(plane, app, "revoked-log")
    with opened(plane, "/v1/apps/revoked-log/logs?follow=1", token) as lines:
        until_open(lines, b"hello")
        revoke(plane, token)
        assert ends(lines)


def test_a_log_ends_when_the_role_does_and_another_ones_goes_on(
    plane: Plane, app: Make, followed: None
) -> None:
    token = member(plane, app, "lent-log")
    path = "/v1/apps/lent-log/logs?follow=1"
    with opened(plane, path, token) as lines, opened(plane, path, "root-token") as others:
        until_open(lines, b"hello")
        until_open(others, b"hello")
        removed = plane.send("DELETE", "/v1/apps/lent-log/access/of-lent-log@example.com")
        assert removed.status == 200
        assert ends(lines)
        others_link = plane.send("GET", "/v1/apps/lent-log/logs")
        assert others_link.status == 200


def test_a_log_outlives_a_rename_and_a_lesser_role_that_is_enough(
    plane: Plane, app: Make, followed: None
) -> None:
    token = member(plane, app, "named-log", "operate")
    with opened(plane, "/v1/apps/named-log/logs?follow=1", token) as lines:
        until_open(lines, b"hello")
        assert plane.send("PATCH", "/apps/named-log", {"name": "renamed-log"}).status == 200
        let(plane, "renamed-log", "of-named-log@example.com", "view")
        lines.raw._sock.settimeout(2.5)  # type: ignore[attr-defined]
        next(lines)  # the end of the chunk
        with pytest.raises(TimeoutError):
            next(lines)


def test_a_watch_ends_when_the_account_is_removed(plane: Plane) -> None:
    token = account(plane, "watcher@example.com")
    with opened(plane, "/v1/watch", token) as lines:
        until_open(lines, b"bookmark")
        assert plane.send("DELETE", "/v1/users/watcher@example.com").status == 200
        assert ends(lines)


def test_an_address_of_a_log_is_good_no_longer_than_the_token_that_asked_for_it(
    plane: Plane, app: Make, followed: None
) -> None:
    token = member(plane, app, "addressed-log")
    asked = plane.send("POST", "/apps/addressed-log/log-sessions", {"tail": True}, token=token)
    path = "/log-streams/" + asked.json["logplex_url"].partition("/log-streams/")[2]
    with opened(plane, path, None) as lines:
        until_open(lines, b"hello")
        revoke(plane, token)
        assert ends(lines)
    assert plane.send("GET", path, token=None).status == 404


def test_the_end_of_a_token_that_expires_is_the_end_of_what_it_opened(
    plane: Plane, app: Make, followed: None
) -> None:
    token = member(plane, app, "expired-log")
    (held,) = plane.call(plane.store.tokens("of-expired-log@example.com"))
    with opened(plane, "/v1/apps/expired-log/logs?follow=1", token) as lines:
        until_open(lines, b"hello")
        over = msgspec.structs.replace(held, expires_at_s=1.0)
        plane.call(plane.store.commit_people(BY, "alter a token of", "Expire", [over]))
        assert ends(lines)


def test_a_log_goes_on_for_its_owner_while_what_is_intended_cannot_be_read(
    plane: Plane, app: Make, followed: None
) -> None:
    app("unread-log")
    put = "UPDATE unit SET intent = ? WHERE name = 'unread-log'"
    with opened(plane, "/v1/apps/unread-log/logs?follow=1", "root-token") as lines:
        until_open(lines, b"hello")
        good = sql(plane, "SELECT intent FROM unit WHERE name = 'unread-log'")
        sql(plane, put, b"{")
        lines.raw._sock.settimeout(2.5)  # type: ignore[attr-defined]
        next(lines)  # the end of the chunk
        with pytest.raises(TimeoutError):
            next(lines)
        sql(plane, put, good)


def sql(plane: Plane, text: str, *values: object) -> object:
    """The first value of what it finds."""
    run = plane.store._writer.run
    found = plane.call(run(lambda db: db.execute(text, values).fetchall()))
    return found[0][0] if found else None
