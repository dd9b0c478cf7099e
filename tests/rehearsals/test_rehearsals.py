"""What Setpoint does in each of these stories is what its transcript says."""

from pathlib import Path

import pytest

from setpoint.testing.rehearsal.verbs import FAULTS, VERBS
from tests.rehearsals import HERE, SCRIPTS, played

PAGE = HERE.parents[1] / "docs" / "how-to" / "rehearse.md"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_the_transcript_is_as_reviewed(path: Path) -> None:
    expected = path.with_suffix(".out").read_text(encoding="utf-8")
    assert played(path) == expected, "read the difference, then: make rehearsals"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_nothing_that_must_never_happen_happens_in_another_order_either(path: Path) -> None:
    for seed in range(1, 6):
        assert "must never happen" not in played(path, seed)


def test_the_same_seed_tells_the_same() -> None:
    path = HERE / "daemon-dies.txt"
    assert played(path, 7) == played(path, 7)


def test_the_page_shows_how_every_line_is_written() -> None:
    text = PAGE.read_text(encoding="utf-8")
    missing = [v.usage for v in (*VERBS.values(), *FAULTS.values()) if v.usage not in text]
    assert missing == []


def test_the_page_shows_a_transcript_that_is_true() -> None:
    told = (HERE / "broken-deploy.out").read_text(encoding="utf-8")
    shown = PAGE.read_text(encoding="utf-8").split("```text\n", 1)[1].split("```", 1)[0]
    assert shown.strip() in told
