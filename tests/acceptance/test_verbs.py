"""rename, maintenance and restart at the real edge, with real instances."""

import pytest

from tests.acceptance.plane import EXAMPLES, Load, Plane, until


def ids(plane: Plane, app: str) -> dict[str, str]:
    return {d["name"]: d["id"] for d in plane.info(app)["dynos"]}


@pytest.fixture(scope="module")
def web(plane: Plane) -> str:
    plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "verbs")
    return "verbs"


def test_maintenance_answers_h80_and_the_instances_stay(plane: Plane, web: str) -> None:
    before = ids(plane, web)
    plane.ok("maintenance", web, "on", "-m", "moving the database")
    answer = plane.get(web)
    assert (answer.status, answer.headers["x-setpoint-error"]) == (503, "H80")
    assert "in maintenance" in plane.ok("status", web).out
    assert "moving the database" in plane.ok("why", web, "maintenance").out
    assert ids(plane, web) == before
    plane.ok("config", web, "GREETING=Moved")
    assert plane.get(web).status == 503
    plane.ok("maintenance", web, "off")
    assert plane.get(web).text.startswith("Moved to ")


def test_a_renamed_app_answers_at_its_new_host_only_and_nothing_is_replaced(plane: Plane) -> None:
    plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "maiden")
    before = ids(plane, "maiden")
    plane.ok("rename", "maiden", "married")
    assert ids(plane, "married") == before
    assert plane.get("married").text.startswith("Welcome to married.localhost")
    gone = plane.get("maiden")
    assert (gone.status, gone.headers["x-setpoint-error"]) == (404, "no_such_app")
    plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "maiden")
    assert plane.get("maiden").status == 200
    assert plane.cli("rename", "maiden", "married").code == 2


def test_a_functions_host_is_renamed_with_its_app(plane: Plane) -> None:
    plane.ok("deploy", str(EXAMPLES / "hello-function"), "-a", "fn-before")
    plane.ok("rename", "fn-before", "fn-after")
    assert "Hello, Ada!" in plane.ok("invoke", "fn-after", "-p", '{"name": "Ada"}').out
    assert plane.get("hello--fn-before").status == 404


def test_logs_are_chosen_by_dyno_source_and_time(plane: Plane, web: str) -> None:
    def lines(*options: str) -> list[str]:
        return plane.ok("logs", web, *options).out.splitlines()

    plane.get(web, "/looked-for")
    until(lambda: any("/looked-for" in x for x in lines("-d", "router")), 30, "a router line")
    assert all(" heroku[router]: " in x for x in lines("--dyno", "router", "--since", "1h"))
    assert all(" app[web.1]: " in x for x in lines("--dyno", "web.1", "--source", "app"))
    assert len(lines("-s", "heroku", "-n", "2")) == 2
    assert lines("-d", "web.1", "--since", str(plane.info(web)["at_s"])) == []


def test_a_restart_of_one_type_loses_no_request(plane: Plane, web: str) -> None:
    before = ids(plane, web)
    with Load(lambda: plane.get(web)) as load:
        plane.ok("restart", web, "web")
        load.more(20)
    assert load.errors == []
    assert ids(plane, web)["web.1"] != before["web.1"]
