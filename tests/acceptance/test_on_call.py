"""Somebody is on call, at night: each question is one command, and what it says is the answer."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.plane import EXAMPLES, SETPOINT, Plane
from tests.support.on_call import seeded

APP = "night"


@pytest.fixture(scope="module")
def answers(plane: Plane) -> dict[str, str]:
    """By the number of the question, what examples/on-call.sh prints for it."""
    seeded(plane, APP)
    env = {**plane.env(), "SETPOINT": shlex.join(SETPOINT)}
    script = [str(EXAMPLES / "on-call.sh"), APP]
    done = subprocess.run(script, env=env, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    sections = re.split(r"^== (\d+) .*\n\$ setpoint .*\n", done.stdout, flags=re.MULTILINE)[1:]
    return dict(zip(sections[::2], sections[1::2], strict=True))


def test_the_script_asks_one_command_for_each_question() -> None:
    asked = re.findall(r'^ask "(\d+) [^"]+" "[^"|;&]+"$', SCRIPT, flags=re.MULTILINE)
    assert asked == ["1", "2", "3", "4", "5", "8", "9", "10", "12"]


SCRIPT = Path(EXAMPLES, "on-call.sh").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("question", "facts"),
    [
        ("1", [r"set +c\d+ +Scale web to 2, .*\(was 1\)", r"by +admin@.* via cli, 20\d\d-"]),
        ("2", [r"why +the fair is on Saturday \[-m\]"]),
        (
            "3",
            [
                r'bet +"traffic stays above 200 rps"; wrong if a week below 50',
                r"is open, revisit 20\d\d-\d\d-\d\d \(in \d+ d\) · if wrong: back to one",
                r'serves d-\d+ "sell in the EU"',
            ],
        ),
        ("4", [r"undo +formation.web.max 2 -> 1.*1 instance fewer", r"because "]),
        ("5", [r"needs you\n", r"greet by name", r"sell in the EU\n", r"the fair is on Saturday"]),
        ("8", [r'd-\d+ +greet by name — bet "names are short" lost, said admin@']),
        ("9", [r"performance-2xl|memory"]),
        ("10", [r"predicted .*, p90 .* live after", r"within their p90: \d+ %"]),
        ("12", [r"config\.GREETING .* nobody said why"]),
    ],
)
def test_each_answer_says_what_was_asked(
    answers: dict[str, str], question: str, facts: list[str]
) -> None:
    for fact in facts:
        assert re.search(fact, answers[question]), (fact, answers[question])


def test_the_script_is_a_program() -> None:
    assert os.access(EXAMPLES / "on-call.sh", os.X_OK)
