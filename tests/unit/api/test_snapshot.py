"""A snapshot of a running plane: no secret is in it, and a rehearsal goes on where it was."""

import json

import msgspec
import pytest

from setpoint.formats import snapshot
from setpoint.model.errors import Invalid
from setpoint.model.release import ProcessType
from setpoint.model.snapshot import FORMAT, Snapshot
from setpoint.planning.explain import duration
from setpoint.testing.rehearsal import script
from setpoint.testing.rehearsal.events import Event
from setpoint.testing.rehearsal.play import rehearse
from tests.support.plane import Plane
from tests.support.waiting import until
from tests.unit.api.conftest import Make, deploy

CANARY = "canary5Lw8NcY3kRzQ1vTd"


def taken(plane: Plane, name: str) -> bytes:
    answer = plane.send("GET", f"/v1/snapshot?app={name}")
    assert answer.status == 200, answer.body
    return json.dumps(answer.json).encode()


def played(text: str, start: Snapshot) -> list[Event]:
    told: list[Event] = []
    assert rehearse(script.read(text, "it.txt"), told.append, start=start) == 0
    return told


def test_no_value_command_or_key_is_in_it(plane: Plane, deployed: Make) -> None:
    deployed("vault")
    plane.send("PATCH", "/apps/vault/config-vars", {"GREETING": CANARY})
    plane.send("POST", "/v1/apps/vault/jobs", {"command": f"login {CANARY}", "env": {"K": CANARY}})
    key = plane.send("GET", "/v1/apps/vault/invoke-key").json["key"]
    raw = taken(plane, "vault").decode()
    assert "GREETING" in raw
    assert CANARY not in raw
    assert key not in raw


def test_only_an_admin_may_take_one(plane: Plane) -> None:
    assert plane.send("GET", "/v1/snapshot", token="look-token").status == 403


def test_one_of_no_app_is_refused(plane: Plane) -> None:
    assert plane.send("GET", "/v1/snapshot?app=nowhere").status == 404


def test_what_was_settled_is_settled_and_nothing_is_done(plane: Plane, deployed: Make) -> None:
    deployed("calm")
    told = played("settle", snapshot.decode(taken(plane, "calm"), "it"))
    assert [e.kind for e in told if e.kind in ("planned", "act", "violated", "refused")] == []
    assert "begins with one app of Setpoint" in told[0].text[0]
    assert "calm: settled" in told[-1].text


def test_why_of_what_was_there_before_and_of_what_came_since(plane: Plane, deployed: Make) -> None:
    deployed("asked")
    for value in (CANARY, "newer"):
        plane.send("PATCH", "/apps/asked/config-vars", {"GREETING": value})
    plane.send("PATCH", "/apps/asked/formation/web", {"quantity": 2})
    text = """
        why asked GREETING
        why asked formation.web.max
        why asked source
        config asked NEW=1
        settle
        why asked NEW
        why asked formation.web.max
    """
    told = played(text, snapshot.decode(taken(plane, "asked"), "it"))
    assert [e for e in told if e.kind in ("violated", "refused")] == []
    answers = [e.text[0] for e in told if e.text and e.text[0].startswith("asked ")]
    assert len(answers) == 5, [e.text[:1] for e in told]


def test_what_came_of_earlier_changes_is_told_as_it_is_here(plane: Plane, deployed: Make) -> None:
    deployed("outcome")
    plane.send("PATCH", "/apps/outcome/config-vars", {"GREETING": "older"})
    until(lambda: plane.send("GET", "/v1/apps/outcome").json["state"] == "settled")
    plane.send("PATCH", "/apps/outcome/formation/web", {"quantity": 2})
    until(lambda: plane.send("GET", "/v1/apps/outcome").json["state"] == "settled")
    here = plane.send("GET", "/v1/why?resource=outcome&field=GREETING").json["field"]["outcome"]
    assert here["state"] == "live"
    text = "wait 1h\nsettle\nwhy outcome GREETING\nwhy outcome formation.web.max\n"
    told = played(text, snapshot.decode(taken(plane, "outcome"), "it"))
    lines = [line for e in told for line in e.text]
    assert f"outcome  live after {duration(here['took_s'])}" in "\n".join(lines)
    undone = [line for line in lines if line.strip().startswith("undo")]
    assert len(undone) == 2
    assert all("what the app was before is not known here" in line for line in undone)


def test_a_function_that_ran_runs_on(plane: Plane, app: Make) -> None:
    app("called")
    before = plane.supervisor.processes
    plane.supervisor.processes = (ProcessType("greet", "function", folder="functions/greet"),)
    try:
        deploy(plane, "called")
    finally:
        plane.supervisor.processes = before
    told = played("settle", snapshot.decode(taken(plane, "called"), "it"))
    assert [e.text for e in told if e.kind in ("planned", "act", "violated", "condition")] == []
    assert "called: settled" in told[-1].text


def test_a_rehearsal_goes_on_from_there(plane: Plane, deployed: Make) -> None:
    deployed("grown")
    start = snapshot.decode(taken(plane, "grown"), "it")
    text = """
        fault supervisor dies
        scale grown web=3
        settle
        deploy grown
        settle
        rollback grown v1
        settle
        why grown
    """
    told = played(text, start)
    assert [e for e in told if e.kind in ("violated", "refused")] == []
    assert any(line.startswith("  web of v3, 3 intended") for line in told[-1].text)
    assert played(text, start) == told


def test_the_same_comes_back_from_a_file(plane: Plane, deployed: Make) -> None:
    deployed("filed")
    start = snapshot.decode(taken(plane, "filed"), "it")
    assert snapshot.decode(snapshot.encode(start), "it") == start


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "it is no snapshot of a Setpoint"),
        (b"\xff\xfe", "it is no snapshot of a Setpoint"),
        (b"[1]", "it is no snapshot of a Setpoint"),
        (b'{"format": 99, "version": "9.0"}', "its format is 99, this Setpoint reads"),
        (msgspec.json.encode({"format": FORMAT, "version": "1"}), "missing required field"),
    ],
)
def test_what_is_no_snapshot_is_refused(raw: bytes, told: str) -> None:
    with pytest.raises(Invalid, match=r"cannot read it\.json: ") as refused:
        snapshot.decode(raw, "it.json")
    assert told in str(refused.value)
