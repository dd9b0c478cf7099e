"""What Heroku's clients ask besides the nouns: who am I, where is the log, what is not there."""

import pytest

from setpoint.api import rendezvous
from setpoint.api.platform import unsupported
from setpoint.formats.control import LogLine
from setpoint.formats.heroku import log_lines
from setpoint.model.errors import Transient
from tests.support.plane import RENDEZVOUS_PORT, Plane
from tests.unit.api.conftest import Make

EVENTS = {"Accept": "text/event-stream"}


def lines(count: int, at_s: float = 1.0) -> list[LogLine]:
    return [LogLine(at_s, "app", "web.1", f"line {n}") for n in range(count)]


def address(plane: Plane, app: str, **asked: object) -> str:
    made = plane.send("POST", f"/apps/{app}/log-sessions", asked)
    assert made.status == 201, made.body
    return made.json["logplex_url"].removeprefix("http://localhost")


def read(plane: Plane, url: str, headers: dict[str, str] = EVENTS) -> str:
    answer = plane.send("GET", url, token=None, headers=headers)
    assert answer.status == 200, answer.body
    return answer.body.decode()


# --- signing in -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "resource"),
    [
        ("DELETE", "/oauth/sessions/~", "session"),
        ("GET", "/oauth/authorizations/~", "authorization"),
    ],
)
def test_the_installations_own_token_is_no_login_that_could_be_ended(
    plane: Plane, method: str, path: str, resource: str
) -> None:
    answer = plane.send(method, path)
    assert answer.status == 404
    assert (answer.json["id"], answer.json["resource"]) == ("not_found", resource)
    assert plane.send("GET", "/account").status == 200


def test_one_is_oneself_and_nobody_else(plane: Plane, app: Make) -> None:
    app("my-own")
    me = plane.send("GET", "/users/~").json
    assert me == plane.send("GET", "/account").json
    owned = plane.send("GET", "/users/~/apps").json
    assert "my-own" in [a["name"] for a in owned]
    assert plane.send("GET", "/users/somebody@example.com/apps").status == 404


# --- logs -------------------------------------------------------------------------------------


def test_a_log_is_read_as_events_without_a_token_and_ends(plane: Plane, app: Make) -> None:
    app("log-told")
    plane.spoken.lines = lines(3)
    told = read(plane, address(plane, "log-told", lines=2, dyno="web.1", source="app"))
    assert told.startswith("retry: 10\n\nid: ")
    assert [e.rpartition(" ")[2] for e in told.split("\n\n")[1:-1]] == ["1", "2"]


def test_whoever_does_not_ask_for_events_gets_plain_lines(plane: Plane, app: Make) -> None:
    app("plainly")
    plane.spoken.lines = lines(1)
    told = read(plane, address(plane, "plainly"), {"Accept": "*/*"})
    assert told == "1970-01-01T00:00:01.000000+00:00 app[web.1]: line 0\n"


@pytest.mark.parametrize("name", ["dyno", "dyno_name", "type"])
def test_a_dyno_may_be_named_in_three_ways(plane: Plane, app: Make, name: str) -> None:
    app(f"by-{name.replace('_', '-')}")
    plane.spoken.lines = [LogLine(1.0, "app", "web.1", "yes"), LogLine(1.0, "app", "job.1", "no")]
    told = read(plane, address(plane, f"by-{name.replace('_', '-')}", **{name: "web"}))
    assert "yes" in told
    assert "no\n" not in told


def test_it_goes_on_after_the_line_that_was_seen_last(plane: Plane, app: Make) -> None:
    app("resumed")
    plane.spoken.lines = lines(4)
    url = address(plane, "resumed", lines=1, tail=True)
    assert url.endswith("?tail=true")
    seen = {"Last-Event-ID": log_lines.mark(plane.spoken.lines[1])}
    told = read(plane, url, EVENTS | seen)
    assert "line 1" not in told
    assert [n for n in range(4) if f"line {n}" in told] == [2, 3]


def test_if_that_line_is_kept_no_longer_it_goes_on_with_what_is_younger(
    plane: Plane, app: Make
) -> None:
    app("absent-minded")
    plane.spoken.lines = [*lines(2, at_s=1.0), *lines(2, at_s=9.0)]
    gone = log_lines.mark(LogLine(5.0, "app", "web.1", "gone"))
    told = read(plane, address(plane, "absent-minded", lines=1), EVENTS | {"Last-Event-ID": gone})
    assert told.count("00:00:09") == 2
    assert "00:00:01" not in told


def test_a_log_that_breaks_off_ends_without_an_event_of_its_own(plane: Plane, app: Make) -> None:
    app("breaks")
    plane.spoken.lines, plane.spoken.broken = lines(1), Transient("cannot follow the log: gone")
    told = read(plane, address(plane, "breaks", tail=True))
    plane.spoken.broken = None
    assert told.count("data: ") == 1


def test_an_address_that_was_made_up_is_not_found(plane: Plane, app: Make) -> None:
    app("sealed")
    url = address(plane, "sealed")
    ticket = url.rpartition("/")[2]
    for forged in ("x", "x.y", ticket[:-3] + "xyz", "%00"):
        answer = plane.send("GET", f"/log-streams/{forged}", token=None)
        assert (answer.status, answer.json["id"]) == (404, "not_found")


@pytest.mark.parametrize("asked", [{"lines": -5}, {"lines": 10**12}, {"lines": None}, {}])
def test_a_strange_number_of_lines_is_bounded(plane: Plane, app: Make, asked: object) -> None:
    name = f"bounded-{abs(hash(str(asked))) % 10_000}"
    app(name)
    assert plane.send("POST", f"/apps/{name}/log-sessions", asked).status == 201


# --- running a command at a terminal ----------------------------------------------------------


def test_a_command_that_is_attended_gets_an_address_that_is_always_as_long(
    plane: Plane, deployed: Make
) -> None:
    deployed("attended")
    body = {"command": "bash", "attach": True, "env": {"TERM": "xterm", "COLUMNS": 80, "LINES": 24}}
    for asked in (body, {**body, "env": {}}, {**body, "force_no_tty": True}):
        made = plane.send("POST", "/apps/attended/dynos", asked)
        assert made.status == 201, made.body
        place, _, secret = made.json["attach_url"].removeprefix("rendezvous://").partition("/")
        assert place == f"localhost:{RENDEZVOUS_PORT}"
        assert len(secret) == rendezvous.SECRET_CHARS
    jobs = plane.send("GET", "/v1/apps/attended/jobs").json
    assert len(jobs) == 3


def test_nobody_attends_a_detached_command(plane: Plane, deployed: Make) -> None:
    deployed("unattended")
    made = plane.send("POST", "/apps/unattended/dynos", {"command": "true", "size": None})
    assert made.json["attach_url"] is None


# --- what there is one of, and what there is none of ------------------------------------------


def test_of_stacks_regions_and_hosts_there_is_one(plane: Plane, app: Make) -> None:
    app("placed")
    (stack,) = plane.send("GET", "/stacks").json
    assert plane.send("GET", f"/stacks/{stack['name']}").json == stack
    assert plane.send("PATCH", "/apps/placed", {"build_stack": stack["name"]}).status == 200
    other = plane.send("PATCH", "/apps/placed", {"build_stack": "heroku-24"})
    assert (other.status, other.json["id"]) == (422, "invalid_params")
    (region,) = plane.send("GET", "/regions").json
    assert plane.send("GET", f"/regions/{region['id']}").json == region
    (domain,) = plane.send("GET", "/apps/placed/domains").json
    assert domain["hostname"] == "placed.localhost"
    assert plane.send("GET", "/apps/placed/domains/placed.localhost").json == domain
    assert plane.send("GET", "/apps/placed/domains/other.example").status == 404


@pytest.mark.parametrize("path", [path for path, _ in unsupported.EMPTY])
def test_what_there_is_none_of_is_an_empty_list(plane: Plane, app: Make, path: str) -> None:
    name = f"no-{path.rpartition('/')[2]}"
    if "{app}" in path:
        app(name)
    answer = plane.send("GET", path.replace("{app}", name))
    assert (answer.status, answer.json) == (200, [])


def test_every_no_is_told_where_it_leads_to(plane: Plane, app: Make) -> None:
    app("refused")
    page = {row["route"]: row for row in plane.send("GET", unsupported.PAGE, token=None).json}
    for no in unsupported.NOS:
        for route in no.routes:
            method, _, path = route.partition(" ")
            path = path.replace("{app}", "refused").replace("{feature}", "x")
            answer = plane.send(method, path)
            assert (answer.status, answer.json["id"]) == (422, "unsupported")
            assert answer.json["message"].startswith(page[route]["message"])
            assert answer.json["url"] == f"http://localhost{unsupported.PAGE}"
