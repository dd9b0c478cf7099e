from pathlib import Path

import pytest
from msgspec.structs import replace

from setpoint.drivers.local.names import InstanceName, next_port
from setpoint.drivers.local.recipe import Layers, recipe
from setpoint.drivers.local.vetting import vet_order
from setpoint.model.errors import Terminal
from setpoint.model.ids import Digest
from setpoint.model.process import ProcessSpec, SetOrder
from setpoint.model.release import NODEJS, PYTHON
from tests.unit.drivers.test_facts import KEY, ORDER, SPEC

WORKERS = {PYTHON: Path("/data/tools/worker-1"), NODEJS: Path("/data/tools/worker-2")}
LAYERS = Layers(Path("/data/layers"), WORKERS)
FUNCTION = replace(
    SPEC, process="hello", kind="function", folder="functions/hello", layer=Digest("d1")
)


def inside(_host: Path, wanted: str) -> str:
    return wanted


def of(spec: ProcessSpec) -> SetOrder:
    return replace(ORDER, key=replace(KEY, process=spec.process), spec=spec)


def test_a_web_process_runs_by_bash_in_its_code_with_its_port() -> None:
    cooked = recipe(SPEC, {"A": "b"}, "web.1", 10007, LAYERS, inside)
    assert cooked.argv == ("/bin/bash", "-c", "run")
    assert cooked.binds == ((Path("/data/layers/code/c0"), "/app"),)
    assert cooked.cwd == "/app"
    facts = {"PORT": "10007", "DYNO": "web.1", "HOME": "/app", "A": "b", "PYTHONUNBUFFERED": "1"}
    assert cooked.env.items() >= facts.items()


def test_config_wins_over_defaults_but_not_over_the_platform() -> None:
    given = {"PATH": "/mine", "PORT": "1", "DYNO": "x"}
    env = recipe(SPEC, given, "web.1", 10007, LAYERS, inside).env
    assert (env["PATH"], env["PORT"], env["DYNO"]) == ("/mine", "10007", "web.1")


def test_the_layers_programs_come_first() -> None:
    spec = replace(SPEC, layer=Digest("d1"), python="/opt/python/bin/python3.12")
    cooked = recipe(spec, {}, "web.1", 10007, LAYERS, inside)
    assert cooked.env["PATH"].split(":")[:2] == ["/layers/deps/bin", "/opt/python/bin"]
    assert (Path("/data/layers/deps/d1"), "/layers/deps") in cooked.binds
    assert (Path("/opt/python"), "/opt/python") in cooked.binds


def test_a_function_is_told_how_many_invocations_it_may_take() -> None:
    one = replace(FUNCTION, concurrency=1)
    for runtime in (PYTHON, NODEJS):
        argv = recipe(replace(one, runtime=runtime), {}, "hello.1", 0, LAYERS, inside).argv
        assert argv[argv.index("--limit") + 1] == "1"
    assert "--limit" not in recipe(FUNCTION, {}, "hello.1", 0, LAYERS, inside).argv


def test_a_function_runs_our_worker_with_its_two_descriptors() -> None:
    cooked = recipe(FUNCTION, {"PYTHONPATH": "/evil"}, "hello.1", 0, LAYERS, inside)
    assert cooked.argv[:6] == (
        "/layers/deps/bin/python", "-I", "-u", "-X", "utf8", "/layers/worker",
    )  # fmt: skip
    assert "PORT" not in cooked.env
    assert cooked.env["FUNCTION_PROJECT_PATH"] == "/app/functions/hello" == cooked.cwd
    assert (WORKERS[PYTHON], "/layers/worker") in cooked.binds


def test_a_function_in_javascript_runs_on_its_own_runtime() -> None:
    spec = replace(FUNCTION, runtime=NODEJS)
    cooked = recipe(spec, {}, "hello.1", 0, LAYERS, inside)
    assert cooked.argv[0] == spec.python
    assert "/layers/worker/accept.py" in cooked.argv
    assert cooked.argv[-4:] == (
        *("--node", "/layers/deps/bin/node"),
        *("--runtime", "/layers/deps/node_modules/@heroku/sf-fx-runtime-nodejs"),
    )
    assert (WORKERS[NODEJS], "/layers/worker") in cooked.binds


def test_a_nodejs_app_finds_its_programs_and_what_heroku_sets() -> None:
    cooked = recipe(replace(SPEC, runtime=NODEJS), {}, "web.1", 10007, LAYERS, inside)
    assert cooked.env["PATH"].split(":")[0] == "/app/node_modules/.bin"
    assert cooked.env["NODE_ENV"] == "production"


def test_where_nothing_can_be_mounted_host_paths_are_told() -> None:
    cooked = recipe(FUNCTION, {}, "hello.1", 0, LAYERS, lambda host, _: str(host))
    assert cooked.argv[0] == "/data/layers/deps/d1/bin/python"
    assert cooked.cwd == "/data/layers/code/c0/functions/hello"


@pytest.mark.parametrize(
    "spec",
    [
        replace(SPEC, folder="../x"),
        replace(SPEC, folder="/etc"),
        replace(SPEC, code=Digest("../../etc")),
        replace(SPEC, layer=Digest("")),
        replace(SPEC, command="run\0--bind\0/\0/host"),
        replace(SPEC, process="other"),
        replace(SPEC, kind="function", runtime="../../evil"),
    ],
    ids=["up", "absolute", "code", "layer", "nul", "other-process", "runtime"],
)
def test_an_order_that_could_leave_its_place_is_refused(spec: ProcessSpec) -> None:
    with pytest.raises(Terminal, match="cannot"):
        vet_order(replace(ORDER, spec=spec), {})


@pytest.mark.parametrize("key", ["", "A=B", "A\0B"])
def test_a_config_key_that_could_be_an_option_is_refused(key: str) -> None:
    with pytest.raises(Terminal):
        vet_order(ORDER, {key: "x"})


def test_a_config_value_never_shows_in_a_refusal() -> None:
    with pytest.raises(Terminal) as caught:
        vet_order(ORDER, {"KEY": "s3cret\0"})
    assert "s3cret" not in str(caught.value)


def test_a_name_says_all_that_is_needed_to_know_it_again() -> None:
    name = InstanceName("my-web_1", "0123456789", 12, "9f2c41", 10007)
    assert InstanceName.parse(str(name)) == name
    assert name.id == "my-web_1.12-9f2c41"
    assert InstanceName.parse("web.1") is None
    longest = InstanceName("w" * 63, "0123456789", 9999, "9f2c41", 29999)
    assert len(str(longest)) <= 100


def test_ports_go_round_and_skip_what_is_taken() -> None:
    assert next_port(0, frozenset()) == 10_000
    assert next_port(10_000, frozenset({10_001, 10_002})) == 10_003
    assert next_port(29_999, frozenset()) == 10_000
