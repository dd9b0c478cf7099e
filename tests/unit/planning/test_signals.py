"""What is measured against what would prove a bet wrong."""

import pytest

from setpoint.model.app import MIB
from setpoint.model.decision import Scope
from setpoint.model.errors import Invalid
from setpoint.model.release import ProcessType
from setpoint.model.signal import Sample, Signal
from setpoint.planning.signals import measured, told
from setpoint.policy.signals import check_measured, signal, watched

NOW_S = 1.79e9
HOUR_S = 3600.0


def sample(ago_s=0.0, seconds=60.0, slow=0, **fields):
    run = [0] * 15
    run[2], run[8] = fields.get("answers", 0) - slow, slow
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


def test_of_a_web_app_only_its_instances_are_measured():
    web, hello = ProcessType("web", "web", "serve"), ProcessType("hello", "function")
    rps, instances = (Signal(n, "<", 1.0, HOUR_S) for n in ("rps", "instances"))
    check_measured(instances, "shop", "web", [web])
    check_measured(rps, "shop", "", [web, hello])
    with pytest.raises(Invalid, match="of web apps and workers only instances"):
        check_measured(rps, "shop", "web", [web, hello])
    with pytest.raises(Invalid, match="nothing of it was deployed yet"):
        check_measured(rps, "shop", "", [])
