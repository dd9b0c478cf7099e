import re
import time

import pytest

from setpoint.workers.static_site import rules

LETTERS = "ab/"
PATTERNS = ("/*", "/**", "/a*b", "/**/b", "/a/**", "**a*", "/*/**/*b", "/a.b", "", "/a", "a***b*")


@pytest.mark.parametrize("pattern", PATTERNS)
def test_stars_stand_for_parts_and_paths(pattern: str) -> None:
    """Every path of up to five letters, against what a regular expression says."""
    stars = {"**": ".*", "*": "[^/]*"}
    parts = (stars.get(part, re.escape(part)) for part in re.split(r"(\*\*|\*)", pattern))
    expected = re.compile("".join(parts))
    paths = [""]
    for path in paths:
        assert rules.matches(pattern, path) == bool(expected.fullmatch(path)), path
        if len(path) < 5:
            paths += [path + letter for letter in LETTERS]


def test_a_visitors_path_costs_its_length_alone() -> None:
    started_s = time.process_time()
    assert not rules.matches("/**a" * 12 + "/x", "/a" * 2000)
    assert not rules.matches("/" + "*a" * 12 + "x", "/" + "a" * 4000)
    assert time.process_time() - started_s < 1
