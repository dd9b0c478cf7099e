"""Which config keeps an instance from being forked, and in which words."""

import pytest

from setpoint.planning.forking import EVERYTHING, fresh_because

BEFORE = {"HOME": "/app", "LANG": "C.UTF-8"}


def because(touched: set[str], **config: str) -> str:
    return fresh_because(touched, BEFORE, {**BEFORE, **config})


def test_config_that_no_import_looked_at_is_no_matter() -> None:
    assert because({"OTHER", "HOME"}, GREETING="hello") == ""


def test_a_variable_that_an_import_looked_at_and_config_sets_is_told() -> None:
    assert because({"GREETING"}, GREETING="hello") == (
        "what it imports looks at GREETING as it is imported"
    )


def test_one_that_config_takes_away_counts_too() -> None:
    assert "looks at LANG" in fresh_because({"LANG"}, BEFORE, {"HOME": "/app"})


def test_whoever_looks_at_all_variables_looks_at_any() -> None:
    assert "every variable" in because({EVERYTHING}, DYNO="hello.1")


@pytest.mark.parametrize("name", ["LD_PRELOAD", "OPENBLAS_NUM_THREADS", "LC_ALL", "SSL_CERT_FILE"])
def test_what_libraries_in_c_read_counts_without_being_seen(name: str) -> None:
    assert because(set(), **{name: "x"}) == f"{name} may be read as libraries are loaded"


def test_the_same_value_is_no_difference() -> None:
    assert because({"LANG"}, LANG="C.UTF-8") == ""
