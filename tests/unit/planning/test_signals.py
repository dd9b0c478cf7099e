"""What is measured against what would prove a bet wrong."""

import pytest

from setpoint.model.app import MIB
from setpoint.model.decision import Scope
from setpoint.model.errors import Invalid
from setpoint.model.figures import WAIT_BOUNDS_S
from setpoint.model.release import ProcessType
from setpoint.model.signal import Measured, Sample, Signal
from setpoint.planning.signals import measured, thinned, told
from setpoint.policy.signals import check_measured, signal, watched

NOW_S = 1.79e9
HOUR_S = 3600.0


def sample(ago_s=0.0, seconds=60.0, slow=0, **fields):
    run = [0] * (len(WAIT_BOUNDS_S) + 1)
    fast, late = WAIT_BOUNDS_S.index(0.025), WAIT_BOUNDS_S.index(2.5)
    run[fast], run[late] = fields.get("answers", 0) - slow, slow
    return Sample("app", "", NOW_S - ago_s, seconds, run=tuple(run), **fields)


def hour(**fields):
    return [sample(60.0 * n, **fields) for n in range(60)]


@pytest.mark.parametrize(
    ("said", "samples", "value", "wrong"),
    [
        ("rps < 50 over 1h", hour(answers=1800), 30.0, True),
        ("rps < 30 over 1h", hour(answers=1800), 30.0, False),
        ("rps <= 30 over 1h", hour(answers=1800), 30.0, True),
        ("error_rate > 1% over 1h", hour(answers=100, errors=2), 0.02, True),
        ("error_rate > 1% over 1h", hour(), None, False),
        ("error rate > 1% over 1h", hour(answers=100, errors=2), 0.02, True),
        ("p99 > 2s over 1h", hour(answers=100, slow=3), 2.5, True),
        ("p99 >= 2s over 1h", hour(answers=100, slow=3), 2.5, True),
        ("p99 > 2200ms over 1h", hour(answers=100, slow=3), 2.5, False),
        ("p99 < 2200ms over 1h", hour(answers=100, slow=3), 2.5, False),
        ("p99 < 2500ms over 1h", hour(answers=100, slow=3), 2.5, True),
        ("p99 > 1s over 1h", hour(answers=100, slow=3), 2.5, True),
        ("p99 > 1s over 1h", hour(answers=100, slow=1), 0.025, False),
        ("p99 > 1s over 1h", hour(), None, False),
        ("memory >= 100MiB over 1h", hour(memory_bytes_peak=200 * MIB), 200.0 * MIB, True),
        ("instances > 2 over 1h", hour(instances=3), 3.0, True),
        ("rps < 50 over 1h", [], None, False),
        ("rps < 50 over 2h", hour(answers=0), 0.0, False),
    ],
)
def test_only_a_whole_window_proves_anything(said, samples, value, wrong):
    wanted = signal(said)
    assert wanted is not None
    seen = measured(wanted, samples, NOW_S)
    assert seen.value == (pytest.approx(value) if value is not None else None)
    assert seen.wrong is wrong


def test_what_lies_before_the_window_counts_for_nothing():
    wanted = Signal("rps", "<", 50.0, HOUR_S)
    old = [sample(HOUR_S + 60.0 * n, answers=60_000) for n in range(60)]
    assert measured(wanted, [*old, *hour(answers=60)], NOW_S).value == pytest.approx(1.0)


def test_what_a_clock_that_was_ahead_has_left_counts_for_nothing():
    wanted = Signal("rps", "<", 50.0, HOUR_S)
    ahead = [sample(-365 * 86_400.0 + 60.0 * n, answers=60_000) for n in range(60)]
    assert measured(wanted, [*hour(answers=60), *ahead], NOW_S).value == pytest.approx(1.0)


def month():
    """A minute each, with a day of errors a week ago and an hour of many instances yesterday."""
    return [
        sample(
            60.0 * n,
            answers=60,
            errors=6 if 7 <= n / 1440 < 8 else 0,
            instances=9 if 1440 <= n < 1500 else 1,
            memory_bytes_peak=MIB * (n % 7),
        )
        for n in reversed(range(30 * 1440))
    ]


@pytest.mark.parametrize("said", ["rps < 2", "error_rate > 1%", "p99 > 1s", "memory > 5MiB"])
@pytest.mark.parametrize("span", ["1h", "5h", "1d", "8d", "30d"])
def test_what_is_kept_for_long_is_kept_in_fewer_rows_and_says_the_same(said, span):
    every, wanted = month(), signal(f"{said} over {span}")
    kept = thinned(every, NOW_S)
    assert len(kept) < 1100
    whole, less = measured(wanted, every, NOW_S), measured(wanted, kept, NOW_S)
    assert less.value == pytest.approx(whole.value, rel=0.02)
    assert less.covered_s == pytest.approx(whole.covered_s, rel=0.1)
    assert less.wrong is whole.wrong


def test_what_was_thinned_before_is_thinned_no_further_and_nothing_is_lost():
    every = month()
    kept = thinned(every, NOW_S)
    assert thinned(kept, NOW_S) == kept
    later = thinned(kept, NOW_S + 5 * 86_400.0)
    assert sum(s.answers for s in later) == sum(s.answers for s in every)
    assert sum(s.seconds for s in later) == sum(s.seconds for s in every)
    assert sum(sum(s.run) for s in later) == sum(s.answers for s in every)
    average = sum(s.instances * s.seconds for s in later) / sum(s.seconds for s in later)
    assert average == pytest.approx(1 + 8 * 60 / (30 * 1440))


def test_it_says_how_much_was_measured_yet():
    wanted = Signal("rps", "<", 50.0, 7 * 24 * HOUR_S, "hello")
    assert told(wanted, measured(wanted, hour(answers=1800), NOW_S)) == (
        "rps of hello is 30.0 over 7 d, of which 1 h were measured yet"
    )
    assert told(wanted, measured(wanted, [], NOW_S)) == "rps of hello: nothing to measure yet"


@pytest.mark.parametrize("said", ["", "a week below 50 rps", "rps is low", "rps < many"])
def test_words_are_words(said):
    assert signal(said) is None


@pytest.mark.parametrize(
    ("said", "fact"),
    [
        ("cpu > 80%", "cannot watch 'cpu': it is not measured"),
        ("orders < 3 over 7d", "cannot watch 'orders': it is not measured"),
        ("p99 > 2", "cannot watch p99 in 'no unit': it is said in ms or s"),
        ("rps > 2MiB", "cannot watch rps in 'MiB': it is said in no unit"),
        ("rps < 2 over 1x", "cannot watch 'rps < 2 over 1x': it cannot be read"),
        ("p99 > 800 ms for 1d", "cannot watch 'p99 > 800 ms for 1d': it cannot be read"),
        ("memory > 1GiB", "cannot watch 'memory > 1GiB': it cannot be read"),
        ("rps < 2 over 1m", "cannot watch rps over 1m: from 5m to 30d"),
        ("rps < 2 over 31d", "cannot watch rps over 31d: from 5m to 30d"),
    ],
)
def test_what_is_not_measured_is_refused_by_name_with_what_is(said, fact):
    with pytest.raises(Invalid) as refused:
        signal(said)
    assert fact in str(refused.value)


@pytest.mark.parametrize(
    ("paths", "process"),
    [
        (("formation.web.max",), "web"),
        (("formation.web.min", "formation.web.max"), "web"),
        (("*.web.*",), "web"),
        (("*",), ""),
        (("formation.web.max", "formation.worker.max"), ""),
    ],
)
def test_it_is_measured_of_what_the_decision_governs(paths, process):
    scopes = [Scope("id", "shop", path) for path in paths]
    assert watched(Signal("rps", "<", 1.0, HOUR_S), scopes) == ("id", process)


@pytest.mark.parametrize(
    "scopes", [(), (Scope("", "*", "*"),), (Scope("a", "a", "*"), Scope("b", "b", "*"))]
)
def test_it_is_measured_of_one_app(scopes):
    with pytest.raises(Invalid, match="it is measured of one app"):
        watched(Signal("rps", "<", 1.0, HOUR_S), scopes)


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ((2.0, 2.5), "p99 is 2.0 s to 2.5 s over 1 h"),
        ((0.0, 0.001), "p99 is ≤ 1 ms over 1 h"),
        ((120.0, 120.0), "p99 is more than 2 min 0 s over 1 h"),
    ],
)
def test_a_p99_is_told_as_what_it_lies_between(seen, said):
    least, most = seen
    assert told(Signal("p99", ">", 1.0, HOUR_S), Measured(most, HOUR_S, least=least)) == said


def test_what_took_longer_than_all_bounds_is_more_than_the_last():
    run = (*(0,) * len(WAIT_BOUNDS_S), 5)
    samples = [Sample("app", "", NOW_S - n * 60, 60.0, 5, run=run) for n in range(60)]
    seen = measured(Signal("p99", ">", 120.0, HOUR_S), samples, NOW_S)
    assert (seen.wrong, seen.value, seen.least) == (True, 120.0, 120.0)


def test_who_answers_no_requests_has_only_memory_and_instances():
    web, worker = ProcessType("web", "web", "serve"), ProcessType("mail", "worker", "mail")
    hello = ProcessType("hello", "function")
    rps, memory, instances = (Signal(n, "<", 1.0, HOUR_S) for n in ("rps", "memory", "instances"))
    for signal_ in (rps, memory, instances):
        for process in ("web", "hello", ""):
            check_measured(signal_, "shop", process, [web, hello, worker])
    check_measured(memory, "shop", "mail", [web, worker])
    check_measured(instances, "shop", "mail", [web, worker])
    with pytest.raises(Invalid, match="mail answers no requests"):
        check_measured(rps, "shop", "mail", [web, worker])
    with pytest.raises(Invalid, match="nothing of it was deployed yet"):
        check_measured(rps, "shop", "", [])
