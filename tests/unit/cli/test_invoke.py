"""`setpoint invoke`: a whole CloudEvent to the edge, and its answer to the user."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from setpoint.model.release import ProcessType
from tests.support.plane import Plane
from tests.unit.cli.conftest import Cli, parsed

GREET = ProcessType("greet", "function", folder="functions/01_Greet")
PART = ProcessType("part", "function", folder="functions/part")


@pytest.fixture
def greeter(plane: Plane, deployed: Callable[[str], None]) -> str:
    if plane.unit("greeter") is None:
        plane.supervisor.processes = (GREET,)
        deployed("greeter")
    return "greeter"


@pytest.fixture
def several(plane: Plane, deployed: Callable[[str], None]) -> str:
    if plane.unit("several") is None:
        plane.supervisor.processes = (GREET, PART)
        deployed("several")
    return "several"


def test_the_only_function_is_called_with_key_host_and_event(
    plane: Plane, cli: Cli, greeter: str
) -> None:
    ran = cli("invoke", greeter, "-p", '{"name": "Ada"}', "-H", "X-Trace: t-1")
    assert (ran.code, ran.out, ran.err) == (0, '"hello"\n', "")
    (visit,) = plane.visits.invoked
    assert visit.body == b'{"name": "Ada"}'
    sent = visit.headers
    assert sent["host"] == "greet--greeter.localhost"
    assert sent["x-trace"] == "t-1"
    key = plane.send("GET", "/v1/apps/greeter/invoke-key").json["key"]
    assert sent["authorization"] == f"Bearer {key}"
    assert sent["ce-type"] == "com.salesforce.function.invoke.sync"
    assert json.loads(base64.b64decode(sent["ce-sffncontext"]))["requestId"] == sent["ce-id"]


def test_each_call_is_an_event_of_its_own(plane: Plane, cli: Cli, greeter: str) -> None:
    cli("invoke", greeter)
    cli("invoke", greeter)
    first, second = plane.visits.invoked
    assert first.body == b"{}"
    assert first.headers["ce-id"] != second.headers["ce-id"]


@pytest.mark.parametrize("function", ["part", "greet", "01_Greet"])
def test_one_of_several_is_called_by_id_or_folder(
    plane: Plane, cli: Cli, several: str, function: str
) -> None:
    assert cli("invoke", f"{several}/{function}").code == 0
    host = plane.visits.invoked[0].headers["host"]
    assert host == f"{function.removeprefix('01_').lower()}--several.localhost"


def test_which_of_several_must_be_said(cli: Cli, several: str) -> None:
    ran = cli("invoke", several)
    assert ran.code == 2
    assert ran.err == "cannot invoke several: it has several functions\none of: greet, part\n"
    assert cli("invoke", f"{several}/nosuch").code == 2


def test_an_app_without_functions_is_told_so(cli: Cli, deployed: Callable[[str], None]) -> None:
    deployed("plain-web")
    ran = cli("invoke", "plain-web")
    assert ran.code == 2
    assert "it has no functions" in ran.err


def test_the_payload_may_be_a_file_or_standard_input(
    plane: Plane, cli: Cli, greeter: str, tmp_path: Path
) -> None:
    (tmp_path / "event.json").write_text("[1]")
    cli("invoke", greeter, "-p", f"@{tmp_path / 'event.json'}")
    cli("invoke", greeter, "-p", "-", stdin=b"[2]")
    assert [v.body for v in plane.visits.invoked] == [b"[1]", b"[2]"]


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ("{not json", "cannot invoke greeter: the payload is not JSON: "),
        ("NaN", "NaN is no JSON value"),
        ("", "the payload is not JSON"),
        ("@/nowhere/at/all", "/nowhere/at/all: No such file or directory"),
        ("[" + " " * (6 * 1024 * 1024) + "]", "larger than 6 MB"),
    ],
)
def test_a_bad_payload_is_refused_and_nothing_is_called(
    plane: Plane, cli: Cli, payload: str, told: str
) -> None:
    ran = cli("invoke", "greeter", "-p", payload)
    assert ran.code == 2
    assert told in ran.err
    assert plane.visits.invoked == []


def test_a_function_that_fails_ends_1_with_its_words_on_stderr(
    plane: Plane, cli: Cli, greeter: str
) -> None:
    plane.visits.status, plane.visits.answer = 500, b'"ValueError: no name\\u001b[31m"'
    ran = cli("invoke", greeter)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "greeter answered 500: ValueError: no name\\x1b[31m\n"


def test_the_edge_s_own_errors_are_read(plane: Plane, cli: Cli, greeter: str) -> None:
    plane.visits.status = 503
    plane.visits.answer = b'{"id": "H10", "message": "App crashed"}'
    assert cli("invoke", greeter).err == "greeter answered 503: App crashed\n"


def test_include_shows_status_headers_and_what_the_runtime_added(
    plane: Plane, cli: Cli, greeter: str
) -> None:
    plane.visits.headers = {"x-extra-info": quote(json.dumps({"execTimeMs": 3}))}
    ran = cli("invoke", greeter, "--include")
    assert ran.out.startswith("HTTP 200 OK\n")
    assert '"execTimeMs": 3' in ran.out
    assert ran.out.endswith('\n\n"hello"\n')
    told = parsed(cli("invoke", greeter, "--json"))
    assert (told["status"], told["body"], told["info"]) == (200, '"hello"', {"execTimeMs": 3})
