"""The repository as a home: its one page, its lock files, its toolbox."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCREEN_LINES = 40
FIRST_SCREEN = (
    "planning/planner.py",
    "planning/standing.py",
    *(f"processes/{n}.py" for n in ("keeper", "supervisor", "edge_agent", "daemon", "builder")),
    "drivers/envoy/binary.py",
)
TARGETS = ("demo", "test", "lint", "bench", "simulate")
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def test_the_architecture_is_one_page_and_its_first_screen_leads_everywhere() -> None:
    lines = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 100
    top = "\n".join(lines[:SCREEN_LINES])
    assert [path for path in FIRST_SCREEN if f"](src/setpoint/{path})" not in top] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_file_has_hashes_and_no_place_in_it(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    pins = re.findall(r"^[a-z0-9][^\s=]*==", text, re.MULTILINE)
    hashed = re.findall(r"^[a-z0-9][^\n]*\\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    assert len(pins) == len(hashed) > 0
    assert re.findall(r"://|file:| @ |--index|--find-links", text) == []


@pytest.mark.parametrize("target", TARGETS)
def test_the_toolbox_has(target: str) -> None:
    dry = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
    assert dry.returncode == 0, dry.stderr
    assert dry.stdout
