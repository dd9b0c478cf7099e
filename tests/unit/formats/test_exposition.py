"""Figures as Prometheus reads them, and the page that lists them."""

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from setpoint.formats.exposition import exposition
from setpoint.model.drain import Shipped
from setpoint.model.figures import (
    BOUNDS_S,
    WAIT_BOUNDS_S,
    Answered,
    Answers,
    Durations,
    EdgeFigures,
    Figures,
    ProcessFigures,
)
from setpoint.model.ids import AppId

PAGE = Path(__file__).parents[3] / "docs/reference/metrics.md"
SOME = Durations((1, 0, 2, *(0,) * (len(BOUNDS_S) - 3), 1), 130.5)
FIGURES = Figures(
    (
        ProcessFigures(
            AppId("a"), "hello", {"fork": SOME}, SOME, SOME, {"2": 4, "5": 1}, 50 << 20, 2, 1
        ),
        ProcessFigures(AppId("a"), "web", {"fresh": SOME}),
        ProcessFigures(AppId(""), "", {"fresh": SOME}),
        ProcessFigures(AppId("gone"), "web", {"fresh": SOME}),
    ),
    {"memory": 2},
)
WAITED = Durations((*(1,) * len(WAIT_BOUNDS_S), 3), 500.0)
ANSWERED = EdgeFigures(
    0.0,
    (
        Answered(AppId("a"), "web", (Answers(2, "", 7), Answers(5, "H10", 2)), WAITED),
        Answered(AppId("gone"), "web", (Answers(2, "", 7),)),
        Answered(AppId(""), "", (Answers(2, "", 9),)),
    ),
)


def samples(
    figures: Figures | None = FIGURES,
    name: str = "shop",
    answered: EdgeFigures | None = ANSWERED,
) -> dict[tuple[str, ...], float]:
    """By name and the values of the labels, in the page's order."""
    labels = ("app", "process", "start", "status", "code", "reason", "le")
    text = exposition(3, 0.25, figures, answered, {AppId("a"): name}).decode()
    return {
        (sample.name, *(sample.labels[n] for n in labels if n in sample.labels)): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_histogram_is_cumulative_and_ends_with_everything() -> None:
    seen = samples()
    of = ("setpoint_start_seconds_bucket", "shop", "hello", "fork")
    assert [seen[(*of, bound)] for bound in ("0.005", "0.01", "0.025", "120.0", "+Inf")] == [
        *(1, 1, 3, 3, 4)
    ]
    assert seen[("setpoint_start_seconds_count", "shop", "hello", "fork")] == 4
    assert seen[("setpoint_start_seconds_sum", "shop", "hello", "fork")] == 130.5


def test_functions_have_more_to_tell_than_others() -> None:
    seen = samples()
    assert seen[("setpoint_function_answers_total", "shop", "hello", "2xx")] == 4
    assert seen[("setpoint_function_memory_peak_bytes", "shop", "hello")] == 50 << 20
    assert seen[("setpoint_requests_in_flight", "shop", "hello")] == 2
    assert seen[("setpoint_zygote_evictions_total", "memory")] == 2
    assert ("setpoint_function_run_seconds_count", "shop", "web") not in seen


def test_what_the_edge_answered_is_told_with_its_own_errors_and_in_fewer_bounds() -> None:
    seen = samples()
    assert seen[("setpoint_edge_answers_total", "shop", "web", "2xx", "")] == 7
    assert seen[("setpoint_edge_answers_total", "shop", "web", "5xx", "H10")] == 2
    assert seen[("setpoint_edge_answers_total", "(others)", "(others)", "2xx", "")] == 9
    of = ("setpoint_edge_wait_seconds_bucket", "shop", "web")
    for bound in BOUNDS_S:
        within = sum(fine <= bound for fine in WAIT_BOUNDS_S)
        assert seen[(*of, str(bound))] == within
    assert seen[(*of, "+Inf")] == len(WAIT_BOUNDS_S) + 3


def test_bounds_of_all_figures_are_among_the_finer_ones() -> None:
    assert set(BOUNDS_S) <= set(WAIT_BOUNDS_S)
    assert sorted(WAIT_BOUNDS_S) == list(WAIT_BOUNDS_S)


def test_what_is_too_much_to_name_is_together_and_what_has_gone_is_left_out() -> None:
    seen = samples()
    assert ("setpoint_start_seconds_count", "(others)", "(others)", "fresh") in seen
    assert not any("gone" in words for words in seen)


def test_without_its_figures_the_supervisor_is_told_to_be_away() -> None:
    assert samples(None, answered=None) == {
        ("setpoint_watchers",): 3,
        ("setpoint_supervisor_up",): 0,
        ("setpoint_edge_up",): 0,
        ("setpoint_watch_staleness_seconds",): 0.25,
    }


def test_the_page_lists_each_of_them_with_its_type() -> None:
    sent = (Shipped("d-1", AppId("a")),)
    told = exposition(3, 0.25, FIGURES, ANSWERED, {AppId("a"): "shop"}, sent).decode()
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", told, re.MULTILINE))
    listed = re.findall(r"^\| `(setpoint_\w+)` \| (\w+) \|", PAGE.read_text(), re.MULTILINE)
    assert dict(listed) == types
