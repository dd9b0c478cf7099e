"""What is found out about this machine, and the whole suite again at each lower level."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from setpoint.drivers.local import sandbox
from setpoint.drivers.local.sandbox import Confinement
from setpoint.model.errors import Terminal
from tests.integration.sandbox.box import Ground
from tests.integration.sandbox.conftest import EXPECTED_LEVEL

ROOT = Path(__file__).parents[3]
AS_NOBODY = ("runuser", "-u", "nobody", "--")
FORBIDDEN = ("tests.integration.sandbox.forbid",)


def test_one_line_says_what_is_reached_and_missing(confinement: Confinement) -> None:
    assert confinement.words.startswith(f"{confinement.level}, ")
    assert "\n" not in confinement.words
    assert all(sentence in confinement.words for sentence in confinement.missing)


def test_a_level_below_the_floor_is_refused_with_the_next_step(ground: Ground) -> None:
    if ground.confinement.level == "L3":
        pytest.skip("there is no level above this one")
    tools = ground.confinement.tools.etc.parents[1]
    with pytest.raises(Terminal, match="cannot confine apps at level L3") as caught:
        sandbox.probe(tools, "floor", floor="L3")
    assert "--floor" in caught.value.hint


def test_paths_inside_are_the_hosts_where_nothing_is_mounted(confinement: Confinement) -> None:
    seen = confinement.inside(Path("/srv/slug"), "/app")
    assert seen == ("/app" if confinement.hides else "/srv/slug")


def test_probing_leaves_nothing_behind(ground: Ground) -> None:
    tools = ground.confinement.tools.etc.parents[1]
    before = set(os.listdir("/proc/self/fd"))
    found = sandbox.probe(tools, f"leave{os.getpid()}")
    assert found.level == ground.confinement.level
    assert set(os.listdir("/proc/self/fd")) == before
    if found.cgroups is not None:
        assert found.cgroups.names() == []
        assert found.cgroups.remove_all()


@pytest.mark.parametrize(
    ("level", "wrapper", "module"),
    [
        pytest.param("L2", AS_NOBODY, (), id="ordinary-user"),
        pytest.param("L0", AS_NOBODY, FORBIDDEN, id="ordinary-user-without-namespaces"),
        pytest.param("L0", (), FORBIDDEN, id="root-without-namespaces"),
    ],
)
@pytest.mark.usefixtures("root")
def test_the_suite_holds_at(level: str, wrapper: tuple[str, ...], module: tuple[str, ...]) -> None:
    if wrapper:
        _require_for_nobody(level)
    command = [*wrapper, sys.executable, "-m", *module, "pytest", str(Path(__file__).parent), "-q"]
    environment = {**os.environ, EXPECTED_LEVEL: level, "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTEST_CURRENT_TEST", None)
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    print(done.stdout.splitlines()[-1])


def _require_for_nobody(level: str) -> None:
    if shutil.which("runuser") is None:
        pytest.skip("needs runuser")
    imports = [*AS_NOBODY, sys.executable, "-c", "import setpoint, tests.integration, pytest"]
    if subprocess.run(imports, cwd=ROOT, capture_output=True, check=False).returncode:
        pytest.skip("an ordinary user cannot read this checkout or its virtual environment")
    spaces = [*AS_NOBODY, "unshare", "--user", "--map-root-user", "true"]
    if level == "L2" and subprocess.run(spaces, capture_output=True, check=False).returncode:
        pytest.skip("ordinary users may not make user namespaces on this machine")
