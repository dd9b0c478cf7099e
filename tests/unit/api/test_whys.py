"""Bad input around whys, at the door: refused with a reason or taken for nothing."""

import socket

import pytest

from tests.support.plane import Answer, Plane
from tests.unit.api.conftest import Make

SECRET = "hunter22-and-more"


def set_config(plane: Plane, name: str, why: str, key: str = "A", **headers: str) -> Answer:
    headers = {"Commit-Message": why, **{k.replace("_", "-"): v for k, v in headers.items()}}
    return plane.send("PATCH", f"/apps/{name}/config-vars", {key: SECRET}, headers=headers)


def said(plane: Plane, name: str) -> list[tuple[str, str]]:
    """(why, source) of its Changes, the newest first."""
    asked = [c["change"]["asked"] for c in plane.send("GET", f"/v1/changes?app={name}").json]
    return [(a["why"], a["why_source"]) for a in asked]


@pytest.mark.parametrize("why", ["   ", "\t", "=?utf-8?q?=00=1b=0a?="])
def test_nothing_but_white_space_or_control_characters_is_no_why(
    plane: Plane, app: Make, why: str
) -> None:
    app(name := f"blank-{len(why)}")
    assert set_config(plane, name, why).status == 200
    assert said(plane, name)[0] == ("", "none")


def test_a_why_that_is_too_long_is_refused_with_the_limit(plane: Plane, app: Make) -> None:
    app("wordy")
    answer = set_config(plane, "wordy", "x" * 4097)
    assert (answer.status, answer.json["id"]) == (422, "over_limit")
    assert "it has 4097 bytes, at most 4096 are allowed" in answer.json["message"]
    assert plane.config("wordy") == {}


def test_what_is_no_utf_8_is_repaired_or_refused_and_never_kept_as_it_came(
    plane: Plane, app: Make
) -> None:
    app("garbled")
    # What Python's own charset makes of this are halves of pairs, which no UTF-8 can say.
    halves = "=?raw_unicode_escape?q?the_fair=5Cud800_is_on_Saturday?="
    assert set_config(plane, "garbled", halves, X_Setpoint_On_Behalf_Of=halves).status == 200
    assert said(plane, "garbled")[0] == ("the fair is on Saturday", "header")
    (newest, *_) = plane.send("GET", "/v1/changes?app=garbled").json
    assert newest["change"]["asked"]["on_behalf_of"] == "the fair is on Saturday"
    note = f"/v1/changes/c{newest['change']['seq']}/notes"
    for raw in (b'{"text": "\xff\xfe it is so"}', b'{"text": "\\ud800 it is so"}'):
        refused = plane.send("POST", note, raw=raw)
        assert refused.status in (400, 422), raw
    assert plane.send("GET", "/v1/changes?app=garbled").json[0]["notes"] == []


def test_a_look_takes_no_why_whatever_it_says(plane: Plane, app: Make) -> None:
    app("looked-at")
    set_config(plane, "looked-at", "the key of the till")
    before = said(plane, "looked-at")
    for why in ("for no reason at all", SECRET, "x" * 9000):
        answer = plane.send("GET", "/apps/looked-at", headers={"Commit-Message": why})
        assert answer.status == 200
        assert head(plane, "/apps/looked-at", why) == "200"
    assert said(plane, "looked-at") == before


def head(plane: Plane, path: str, why: str) -> str:
    """The status of an answer without a body."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(20)
        link.connect(str(plane.paths.api_socket))
        lines = (
            f"HEAD {path} HTTP/1.1",
            "Host: localhost",
            "Connection: close",
            "Authorization: Bearer root-token",
            f"Commit-Message: {why}",
        )
        link.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode())
        return link.makefile().readline().split()[1]


def test_a_request_that_is_repeated_is_one_change_with_one_why(plane: Plane, app: Make) -> None:
    app("twice-told")
    for why in ("the key of the till", "said again, otherwise"):
        set_config(plane, "twice-told", why, Idempotency_Key="one-and-the-same")
    assert said(plane, "twice-told")[:-1] == [("the key of the till", "header")]


def test_a_why_with_a_config_value_in_it_is_refused_by_that_name_and_not_repeated(
    plane: Plane, app: Make
) -> None:
    app("telling")
    answer = set_config(plane, "telling", f"use {SECRET} for now")
    assert (answer.status, answer.json["id"]) == (422, "why_contains_secret")
    assert SECRET not in str(answer.body)
    assert plane.config("telling") == {}
    set_config(plane, "telling", "the key of the till")
    seq = plane.send("GET", "/v1/changes?app=telling&limit=1").json[0]["change"]["seq"]
    for path, body in (
        (f"/v1/changes/c{seq}/notes", {"text": f"it was {SECRET}"}),
        ("/v1/decisions", {"text": f"keep {SECRET}", "on": ["telling"]}),
    ):
        answer = plane.send("POST", path, body)
        assert (answer.status, answer.json["id"]) == (422, "why_contains_secret")
        assert SECRET not in str(answer.body)


@pytest.mark.parametrize("revisit", ["soon", "2h", "tomorrow", "2020-01-01", "0d"])
def test_a_day_to_revisit_is_a_date_or_a_number_of_days_to_come(plane: Plane, revisit: str) -> None:
    wish = {"text": "two regions", "bet": "they are enough", "revisit": revisit}
    answer = plane.send("POST", "/v1/decisions", wish)
    assert (answer.status, answer.json["id"]) == (422, "invalid_params")


def test_people_have_to_be_known_and_nobody_is_their_own_backup(plane: Plane, app: Make) -> None:
    app("peopled")
    unknown = plane.send(
        "POST", "/v1/decisions", {"text": "two regions", "owner": "dev@exmple.com"}
    )
    assert unknown.status == 422
    assert "did you mean: dev@example.com" in unknown.json["message"]
    same = plane.send("POST", "/v1/decisions", {"text": "two regions", "backup": "dev@example.com"})
    assert same.status == 422
    assert "cannot be their own backup" in same.json["message"]


@pytest.mark.parametrize("link", ["serves", "supersedes"])
def test_no_decision_serves_or_replaces_itself_or_one_to_come(plane: Plane, link: str) -> None:
    """So there is no circle: whatever is named was there before."""
    made = plane.send("POST", "/v1/decisions", {"text": f"a first one, {link}"}).json["seq"]
    for number in (made + 1, made + 2):
        answer = plane.send("POST", "/v1/decisions", {"text": "a next one", link: f"d-{number}"})
        assert answer.status == 404
    taken = plane.send("POST", "/v1/decisions", {"text": "a next one", link: f"d-{made}"})
    assert taken.status == 201


HEROKU = {"User-Agent": "heroku-cli/11"}


def test_what_cannot_be_had_is_one_line_after_a_change_and_none_after_a_look(
    plane: Plane, deployed: Make
) -> None:
    deployed("wished-for")
    wish = {"updates": [{"type": "web", "quantity": 100, "size": "performance-2xl"}]}
    changed = plane.send("PATCH", "/apps/wished-for/formation", wish, headers=HEROKU)
    assert changed.status == 200
    line = changed.headers["warning-message"]
    assert line.startswith("unmet: formation.web.")
    assert line.endswith("see: setpoint gaps wished-for")
    assert "\n" not in line
    look = plane.send("GET", "/apps/wished-for/formation", headers=HEROKU)
    assert "warning-message" not in look.headers
    ours = plane.send("PATCH", "/apps/wished-for/config-vars", {"A": "1"})
    assert "warning-message" not in ours.headers
    met = {"updates": [{"type": "web", "quantity": 1, "size": "basic"}]}
    back = plane.send("PATCH", "/apps/wished-for/formation", met, headers=HEROKU)
    assert "warning-message" not in back.headers
