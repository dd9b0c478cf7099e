"""An app of which memory holds what cannot be read is still told of, by its condition; and so are
the others, which go on."""

import json
from collections.abc import Callable, Iterator

import msgspec
import pytest

from setpoint.formats import snapshot
from setpoint.testing.rehearsal import script
from setpoint.testing.rehearsal.events import Event
from setpoint.testing.rehearsal.play import rehearse
from tests.support.plane import Plane
from tests.support.waiting import until
from tests.unit.api.test_access import account
from tests.unit.cli.conftest import Cli

Spoil = Callable[[str, bytes], None]


@pytest.fixture
def spoil(plane: Plane) -> Iterator[Spoil]:
    """Puts this into the place of an app's intent, or of its releases; in the end all is back."""
    undo: list[tuple[str, tuple[object, ...]]] = []

    def sql(text: str, *values: object) -> list[tuple[object, ...]]:
        run = plane.store._writer.run
        return plane.call(run(lambda db: db.execute(text, values).fetchall()))

    def put(what: str, body: bytes) -> None:
        app, _, part = what.partition(" ")
        unit = plane.unit(app)
        assert unit is not None
        table, column, key = ("release", "body", "app") if part else ("unit", "intent", "id")
        ((good,),) = sql(f"SELECT {column} FROM {table} WHERE {key} = ?", unit.id)
        text = f"UPDATE {table} SET {column} = ? WHERE {key} = ?"
        undo.append((text, (good, unit.id)))
        sql(text, body, unit.id)
        until(lambda: woken(plane, unit.id))

    yield put
    for text, values in undo:
        sql(text, *values)


def woken(plane: Plane, id: str) -> bool:
    """Somebody looks, as within ten minutes in any case."""
    plane.wake(id)
    told = plane.send("GET", f"/v1/apps/{id}")
    return told.status == 200 and told.json["state"] == "stalled" and bool(told.json["conditions"])


@pytest.mark.parametrize("what", ["intent of a newer version", "intent", "release"])
def test_it_is_told_by_its_condition_and_the_others_go_on(
    plane: Plane, cli: Cli, deployed: Callable[[str], None], spoil: Spoil, what: str
) -> None:
    name, other = f"hit-by-{what.split()[0]}-{len(what)}", f"beside-{what.split()[0]}-{len(what)}"
    deployed(name)
    deployed(other)
    unit = plane.unit(name)
    assert unit is not None
    newer = msgspec.json.encode({**msgspec.to_builtins(unit.intent), "gravity": "low"})
    body = newer if "newer" in what else b"{"
    spoil(f"{name} release" if what == "release" else name, body)
    ran = cli("status", name)
    assert ran.code == 3
    assert ran.out.startswith(f"{name}  stalled\n  cannot read a")
    if "newer" in what:
        assert "gravity" in ran.out
    told = plane.send("GET", f"/v1/apps/{name}").json
    assert {c["reason"] for c in told["conditions"]} == {"Unreadable"}
    (line,) = (a for a in plane.send("GET", "/v1/status").json["apps"] if a["name"] == name)
    assert line["state"] == "stalled"
    assert line["message"].startswith("cannot read a")
    assert cli("info", name).code == 0
    assert name in cli("apps").out
    assert plane.send("GET", "/v1/apps/nobody-of-that-name").status == 404
    refused = cli("scale", name, "web=2")
    assert (refused.code, refused.err.startswith("cannot ")) == (1, True)
    assert cli("scale", other, "web=2").code == 0
    assert cli("status", other).code == 0


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/apps/{}", None),
        ("GET", "/v1/apps/{}", None),
        ("GET", "/apps/{}/formation", None),
        ("PATCH", "/apps/{}/formation/web", {"quantity": 2}),
        ("PATCH", "/apps/{}/config-vars", {"A": "b"}),
        ("DELETE", "/apps/{}", None),
    ],
)
def test_a_stranger_is_told_of_it_what_they_are_told_of_one_that_is_not_there(
    plane: Plane,
    deployed: Callable[[str], None],
    spoil: Spoil,
    method: str,
    path: str,
    body: object,
) -> None:
    name = f"hidden-{method.lower()}-{len(path)}"
    deployed(name)
    unit, token = plane.unit(name), account(plane, "neighbour@example.com")
    assert unit is not None
    spoil(name, b"{")
    for said in (name, unit.id):
        there = plane.send(method, path.format(said), body, token=token)
        absent = plane.send(method, path.format("nosuch"), body, token=token)
        assert (there.status, absent.status) == (404, 404)
        assert there.json["message"].replace(said, "nosuch") == absent.json["message"]


@pytest.mark.parametrize("what", ["", " release"])
def test_a_snapshot_leaves_it_out_and_says_so(
    plane: Plane, deployed: Callable[[str], None], spoil: Spoil, what: str
) -> None:
    name, other = f"illegible{len(what)}", f"legible{len(what)}"
    deployed(name)
    deployed(other)
    spoil(name + what, b"{")
    taken = plane.send("GET", "/v1/snapshot").json
    assert name in taken["unread"]
    names = [app["unit"]["intent"]["name"] for app in taken["apps"]]
    assert other in names
    assert name not in names
    told: list[Event] = []
    start = snapshot.decode(json.dumps(taken).encode(), "it")
    assert rehearse(script.read("settle", "it.txt"), told.append, start=start) == 0
    assert f"left out, for they cannot be read: {', '.join(taken['unread'])}" in told[0].text
