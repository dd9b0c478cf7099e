from msgspec.structs import replace

from setpoint.model.job import HangUp, JobWatch, KillJob
from setpoint.planning.job_standing import AWAY_S_MAX, decide
from setpoint.planning.standing import GRACE_S

WATCH = JobWatch(started_at_s=1000.0, run_s_max=600.0)


def test_a_job_that_runs_is_left_alone_until_its_limit():
    acts = decide(WATCH, 1010.0)
    assert (acts.act, acts.look_again_s) == (None, 590.0)


def test_at_its_limit_it_is_killed_and_said_to_be_late():
    acts = decide(WATCH, 1600.0)
    assert acts.act == KillJob("not done within 600 s", late=True)
    assert acts.look_again_s is None


def test_what_was_told_to_end_is_killed_after_the_grace():
    told = replace(WATCH, stop_at_s=1100.0)
    assert decide(told, 1100.0).look_again_s == GRACE_S
    assert decide(told, 1100.0 + GRACE_S).act == KillJob("still running 30 s after SIGTERM")


def test_the_limit_counts_while_it_is_stopping_too():
    told = replace(WATCH, stop_at_s=1590.0)
    assert decide(told, 1595.0).look_again_s == 5.0
    assert decide(told, 1600.0).act == KillJob("not done within 600 s", late=True)


def test_a_terminal_left_alone_is_hung_up_once():
    away = replace(WATCH, away_at_s=1100.0)
    assert decide(away, 1101.0).look_again_s == AWAY_S_MAX - 1
    assert isinstance(decide(away, 1100.0 + AWAY_S_MAX).act, HangUp)
    after = decide(replace(away, hung_up=True), 1200.0)
    assert (after.act, after.look_again_s) == (None, 400.0)


def test_what_was_told_to_end_is_not_hung_up_beside():
    both = replace(WATCH, stop_at_s=1100.0, away_at_s=1050.0)
    assert decide(both, 1110.0).act is None


def test_what_was_killed_is_only_waited_for():
    acts = decide(replace(WATCH, killed=True), 9999.0)
    assert (acts.act, acts.look_again_s) == (None, None)
