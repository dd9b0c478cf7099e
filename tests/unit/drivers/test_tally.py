"""Counting starts and invocations: in sums, of so many process types and no more."""

import json

import pytest

from setpoint.drivers.local.tally import SERIES_MAX, Tally
from setpoint.model.figures import BOUNDS_S, ProcessFigures
from setpoint.model.ids import AppId, Digest, Fence, SetKey
from setpoint.model.process import Bounds, SetFacts


def key(app: str = "a", process: str = "hello", release: str = "1") -> SetKey:
    return SetKey(AppId(app), process, Digest(release))


def only(tally: Tally) -> ProcessFigures:
    (of,) = tally.figures(()).processes
    return of


def said(*calls: tuple[int, int, int | None], peak_kib: int = 1024) -> bytes:
    return json.dumps({"peak_kib": peak_kib, "calls": calls}).encode()


def test_releases_of_one_process_are_counted_together() -> None:
    tally = Tally()
    tally.started(key(release="1"), "fresh", 0.5)
    tally.started(key(release="2"), "fork", 0.008)
    tally.started(key(release="2"), "fork", 500.0)
    starts = only(tally).starts
    assert starts["fresh"].counts[BOUNDS_S.index(0.5)] == 1
    assert starts["fork"].counts[BOUNDS_S.index(0.01)] == 1
    assert starts["fork"].counts[-1] == 1
    assert starts["fork"].sum_s == pytest.approx(500.008)


def test_what_a_function_served_is_summed_up() -> None:
    tally = Tally()
    tally.served(key(), said((200, 3, 12), (500, 40, None), peak_kib=2048))
    tally.served(key(), said((204, 3, 12)))
    of = only(tally)
    assert of.answers == {"2": 2, "5": 1}
    assert (sum(of.run.counts), sum(of.queue.counts)) == (3, 2)
    assert of.memory_bytes_peak == 2048 * 1024


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"{}",
        b'{"peak_kib": -1, "calls": []}',
        b'{"peak_kib": 1, "calls": [[200, -5, null]]}',
        b'{"peak_kib": 1, "calls": [[200, 1e300, null]]}',
        b'{"peak_kib": 1, "calls": [[12345, 1, 1]]}',
        said(*[(200, 1, 1)] * 1001),
    ],
)
def test_a_line_that_cannot_be_read_is_nothing(line: bytes) -> None:
    tally = Tally()
    tally.served(key(), line)
    assert tally.figures(()).processes == ()


def test_beyond_so_many_process_types_all_others_are_one() -> None:
    tally = Tally()
    for n in range(SERIES_MAX + 50):
        tally.started(key(process=f"p{n}"), "fresh", 1.0)
    figures = tally.figures(())
    assert len(figures.processes) == SERIES_MAX + 1
    others = figures.processes[-1]
    assert (others.app, others.process) == ("", "")
    assert sum(others.starts["fresh"].counts) == 50


def test_an_app_that_is_gone_leaves_nothing() -> None:
    tally = Tally()
    for app in ("a", "b"):
        tally.started(key(app), "fresh", 1.0)
    tally.drop(AppId("a"))
    assert only(tally).app == "b"


def test_what_runs_now_is_told_whether_it_was_counted_or_not() -> None:
    facts = SetFacts(key(), Fence(1, 1), Bounds(0, 1), 1, in_flight=3)
    (of,) = Tally().figures([facts]).processes
    assert (of.in_flight, of.instances) == (3, 0)


def test_memory_is_what_instances_have_now_or_told_since_the_last_look() -> None:
    tally = Tally()
    tally.served(key(), said((200, 1, 1), peak_kib=4096))
    facts = SetFacts(key(), Fence(1, 1), Bounds(0, 1), 1)
    weighed = [tally.figures([facts], {key(): n}).processes[0].memory_bytes for n in (0, 7, 0)]
    assert weighed == [4096 * 1024, 7, 0]
    assert only(tally).memory_bytes_peak == 4096 * 1024
