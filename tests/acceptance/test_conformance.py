"""`setpoint conformance` against a real Setpoint, with a small schema of our own."""

import json
from pathlib import Path

import pytest

from setpoint.cli.conformance import PROVEN
from tests.acceptance.plane import Plane
from tests.support.shop_schema import SCHEMA

VARS = "GET /apps/{app}/config-vars"
STOP = "POST /apps/{app}/formations/{dyno.formation_type}/actions/stop"


@pytest.fixture
def schema(tmp_path: Path) -> str:
    file = tmp_path / "schema.json"
    file.write_text(json.dumps(SCHEMA))
    return str(file)


def test_three_numbers_and_each_route_with_what_is_wrong_of_it(plane: Plane, schema: str) -> None:
    pytest.importorskip("jsonschema_rs", reason="needs jsonschema-rs: `make test` installs it")
    before = plane.api("GET", "/apps").json
    told = plane.ok("conformance", "--schema", schema, "--json").json
    facts = {row["route"]: row["fact"] for row in told["routes"]}
    wrong = {route: fact for route, fact in facts.items() if fact}
    assert set(wrong) == {VARS, "GET /toasters/{toaster}", STOP}
    assert wrong["GET /toasters/{toaster}"] == "no such route"
    assert wrong[STOP].startswith("404 cannot restart")
    assert wrong[VARS].startswith("not valid: ")
    assert (told["links"], told["implemented"], told["stateful"]) == (12, 11, 9)
    assert told["proven"] == sum(bool(row["proven"]) for row in told["routes"]) >= 6
    assert plane.api("GET", "/apps").json == before, "its app is gone"
    assert plane.api("GET", "/account/keys").json == [], "and so is its key"


def test_in_words_and_as_a_page(plane: Plane, schema: str) -> None:
    told = plane.ok("conformance", "--schema", schema).out
    assert "implemented: 11 of 12" in told
    page = plane.ok("conformance", "--schema", schema, "--markdown").out
    assert "| `POST /apps` | yes | yes |" in page


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"\xff", b'{"definitions": {}}'])
def test_what_is_no_schema_is_refused(plane: Plane, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "none.json"
    if content is not None:
        file.write_bytes(content)
    ran = plane.cli("conformance", "--schema", str(file))
    assert ran.code == 2
    assert ran.err.startswith("cannot read ")


def test_the_record_names_routes_that_there_are(plane: Plane) -> None:
    paths = plane.api("GET", "/v1/openapi.json").json["paths"]
    ours = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert set(json.loads(PROVEN.read_bytes())) <= ours
