"""How much is left: a line that counts down on a terminal, one plain line elsewhere, or nothing."""

import ast
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from setpoint import cli
from setpoint.cli.output import ERASE, Output
from setpoint.cli.progress import Progress
from setpoint.policy.access import NEEDS


class Screen(io.StringIO):
    def __init__(self, *, tty: bool) -> None:
        super().__init__()
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty

    @property
    def text(self) -> str:
        return self.getvalue()


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def output(screen: Screen, *, as_json: bool = False, term: str = "xterm") -> Output:
    return Output(as_json=as_json, env={"NO_COLOR": "1", "TERM": term}, stream=screen)


def known(median_s: float = 8.0, p90_s: float = 12.0) -> dict[str, Any]:
    return {"usual": {"deploy": {"count": 3, "median_s": median_s, "p90_s": p90_s}}}


def test_elsewhere_it_is_said_once_and_once_that_it_is_longer(clock: Clock) -> None:
    screen = Screen(tty=False)
    told = Progress(output(screen), "deploy", clock)
    for now_s in (100.0, 101.0, 107.8, 112.0, 113.5, 120.0):
        clock.now_s = now_s
        told.look(known())
    assert screen.text == (
        "  predicted live in 8 s (p90 12 s)\n  longer than predicted (p90 12 s)\n"
    )


def test_a_terminal_counts_down_in_one_line(clock: Clock) -> None:
    screen = Screen(tty=True)
    out = output(screen)
    told = Progress(out, "deploy", clock)
    told.look(known())
    clock.now_s += 2
    told.look(known())
    told.look(known())
    out.line("building")
    out.redraw("")
    left = f"  predicted live in 8 s (p90 12 s)\n\r{ERASE}  about 8 s left\r{ERASE}  about 6 s left"
    assert screen.text == f"{left}\r{ERASE}building\n\r{ERASE}  about 6 s left\r{ERASE}"


@pytest.mark.parametrize(
    "detail", [{"usual": {}}, {"usual": {"scale": known()["usual"]["deploy"]}}]
)
def test_where_nothing_is_known_that_is_said_instead_of_a_number(
    clock: Clock, detail: dict[str, Any]
) -> None:
    screen = Screen(tty=True)
    told = Progress(output(screen), "deploy", clock)
    for _ in range(5):
        told.look(detail)
        clock.now_s += 5
    assert screen.text == "  no history to predict it from\n"


def test_what_is_over_soon_is_predicted_and_not_counted_down(clock: Clock) -> None:
    screen = Screen(tty=True)
    told = Progress(output(screen), "deploy", clock)
    for _ in range(5):
        told.look(known(0.4, 0.6))
        clock.now_s += 0.1
    assert screen.text == "  predicted live in 400 ms (p90 600 ms)\n"


def test_what_is_no_kind_of_change_is_not_predicted(clock: Clock) -> None:
    screen = Screen(tty=True)
    Progress(output(screen), "", clock).look(known())
    assert screen.text == ""


def test_a_program_that_reads_json_sees_none_of_it(clock: Clock) -> None:
    screen = Screen(tty=True)
    told = Progress(output(screen, as_json=True), "deploy", clock)
    for _ in range(5):
        told.look(known())
        clock.now_s += 5
    assert screen.text == ""


def test_a_terminal_that_cannot_redraw_is_told_in_plain_lines(clock: Clock) -> None:
    screen = Screen(tty=True)
    Progress(output(screen, term="dumb"), "deploy", clock).look(known(125.0, 300.0))
    assert screen.text == "  predicted live in 2 min 5 s (p90 5 min 0 s)\n"


def kinds_waited_for() -> Iterator[tuple[str, str]]:
    """(command, kind of Change) wherever one waits for what it has asked for."""
    for file in sorted(Path(cli.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                place = {"settled": 2, "Progress": 1}.get(node.func.id)
                if place is not None and len(node.args) > place:
                    for leaf in ast.walk(node.args[place]):
                        if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str):
                            yield file.stem, leaf.value


def test_every_command_that_waits_names_the_kind_of_change_whose_past_counts() -> None:
    found = set(kinds_waited_for())
    assert {kind for _, kind in found} <= NEEDS.keys()
    waiting = {"apply", "buildpacks", "config", "deploy", "domains", "drains", "egress", "freeze"}
    waiting |= {
        "isolation",
        "maintenance",
        "probe",
        "rename",
        "restart",
        "rollback",
        "scale",
        "unfreeze",
    }
    assert {command for command, _ in found} == waiting
