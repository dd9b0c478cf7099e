import pytest

from setpoint.formats import project
from setpoint.model.errors import Invalid
from setpoint.model.release import ProcessType

GREET = '[com.salesforce]\nid = "greet"\ntype = "function"\nsalesforce-api-version = "53.0"\n'


def read(files: dict[str, str]) -> tuple[ProcessType, ...]:
    return project.processes(files, "shop")


def test_a_procfile_and_functions_may_live_in_one_project() -> None:
    found = read(
        {
            "Procfile": "web: serve",
            "functions/01_Greet/project.toml": GREET,
            "functions/01_Greet/main.py": "",
        }
    )
    assert found == (
        ProcessType("web", "web", "serve"),
        ProcessType("greet", "function", folder="functions/01_Greet", runtime="python"),
    )


def test_one_function_may_be_the_whole_project() -> None:
    found = read({"project.toml": GREET, "main.py": ""})
    assert found == (ProcessType("greet", "function", runtime="python"),)


def test_a_nodejs_app_without_a_procfile_starts_with_npm() -> None:
    start = ProcessType("web", "web", "npm start", runtime="nodejs")
    assert read({"package.json": '{"scripts": {"start": "node x.js"}}'}) == (start,)
    assert read({"package.json": "{}", "server.js": ""}) == (start,)
    named = read({"package.json": "{}", "Procfile": "worker: node jobs.js"})
    assert named == (ProcessType("worker", "worker", "node jobs.js", runtime="nodejs"),)


def test_a_function_in_javascript_is_told_by_its_package_json() -> None:
    found = read({"project.toml": GREET, "package.json": '{"scripts": {"start": "x"}}'})
    assert found == (ProcessType("greet", "function", runtime="nodejs"),)


def test_tools_at_the_root_of_a_project_of_functions_start_nothing() -> None:
    start = '{"scripts": {"start": "jest --watch"}}'
    folder = "functions/greet"
    found = read(
        {"package.json": start, f"{folder}/project.toml": GREET, f"{folder}/package.json": "{}"}
    )
    assert found == (ProcessType("greet", "function", folder=folder, runtime="nodejs"),)


def test_a_front_end_beside_python_changes_nothing() -> None:
    start = '{"scripts": {"start": "node x.js"}}'
    files = {"package.json": start, "requirements.txt": "", "Procfile": "web: serve"}
    assert read(files) == (ProcessType("web", "web", "serve"),)
    with pytest.raises(Invalid):
        read({"package.json": start, "requirements.txt": ""})


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "no Procfile, project.toml or functions/ in it"),
        ({"Procfile": "# empty"}, "no Procfile"),
        ({"project.toml": GREET}, "a function needs a main.py or a package.json"),
        ({"project.toml": GREET, "pom.xml": ""}, "Java functions have no builder"),
        ({"package.json": "{}"}, "no Procfile, and no start script in package.json"),
        (
            {"Procfile": "greet: x", "project.toml": GREET, "main.py": ""},
            "'greet' is named by Procfile and by project.toml",
        ),
    ],
)
def test_what_cannot_run_is_refused(files: dict[str, str], told: str) -> None:
    with pytest.raises(Invalid, match="cannot deploy") as refused:
        read(files)
    assert told in refused.value.message


def test_a_function_that_nobody_can_build_is_left_out_where_others_are_not() -> None:
    folder = "functions/legacy"
    files = {"Procfile": "web: serve", f"{folder}/project.toml": GREET, f"{folder}/pom.xml": ""}
    assert read(files) == (ProcessType("web", "web", "serve"),)
    assert project.left_out(files) == {folder: "Java"}
    assert project.left_out({"Procfile": "web: serve", "pom.xml": ""}) == {}
    with pytest.raises(Invalid, match=f"cannot deploy {folder}: Java functions have no builder"):
        read({name: text for name, text in files.items() if name != "Procfile"})


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("Procfile", True),
        ("project.toml", True),
        ("main.py", True),
        ("app.py", False),
        ("sub/Procfile", False),
        ("functions/greet/project.toml", True),
        ("functions/greet/main.py", True),
        ("functions/greet/lib/main.py", False),
        ("other/greet/project.toml", False),
    ],
)
def test_only_files_that_tell_something_are_asked_for(path: str, wanted: bool) -> None:
    assert project.told_by(path) is wanted
