"""Release phases, one-off commands and schedules, told as stories of one app."""

import msgspec
import pytest

from setpoint.model.condition import ConditionType, find
from setpoint.model.job import CronJob
from setpoint.model.release import ProcessType
from setpoint.model.steps import (
    EnsureProcesses,
    ForgetApp,
    Plan,
    RemoveRoute,
    SettleJob,
    SettleRelease,
    StartJob,
    StopJob,
)
from setpoint.planning.jobs import CATCH_UP_S
from tests.unit.planning.scene import NOW_S, WEB, Scene

RELEASE = ProcessType("release", "release", "migrate")
WITH_PHASE = (WEB, RELEASE)
EVERY_HOUR = (CronJob("@hourly", "tidy up"),)
HOUR_S = 3600.0


def kinds(made: Plan) -> list[type]:
    return [type(step) for step in made.steps]


def waits(made: Plan) -> list[str]:
    return [wait.because for wait in made.waiting]


@pytest.fixture
def serving() -> Scene:
    """v1 serves, and v2, with a release phase, is cut."""
    scene = Scene()
    scene.settle()
    scene.deploy("b")
    scene.go()
    scene.build_ends(processes=WITH_PHASE)
    scene.go()
    return scene


# --- release phase ----------------------------------------------------------------------------


def test_nothing_of_a_release_starts_before_its_release_phase_is_done(serving: Scene):
    made = serving.go()
    assert kinds(made) == [StartJob]
    assert made.steps[0].order.spec.command == "migrate"
    assert waits(made) == ["the release phase of v2 is running"]
    assert serving.go().steps == ()
    serving.job_ends(0)
    assert SettleJob in kinds(serving.go())
    assert EnsureProcesses in kinds(serving.go())
    serving.settle(processes=WITH_PHASE)
    assert (serving.routed_to(), serving.statuses()) == (2, ["succeeded", "succeeded"])


def test_a_failed_release_phase_fails_the_release_and_the_old_one_stays(serving: Scene):
    serving.go()
    serving.job_ends(3, ("Traceback", "no such table"))
    serving.settle(processes=WITH_PHASE)
    assert serving.statuses() == ["failed", "succeeded"]
    message = serving.observed.releases[0].message
    assert message.startswith("its release phase exited with code 3")
    assert "no such table" in message
    assert (serving.routed_to(), [s.release for s in serving.sets()]) == (1, [1])
    stalled = find(serving.plan().conditions, ConditionType.STALLED)
    assert stalled is not None
    assert stalled.status


def test_what_served_before_is_still_scaled_while_a_release_phase_runs(serving: Scene):
    serving.go()
    serving.scale("web", 3)
    made = serving.go()
    orders = [s.order for s in made.steps if isinstance(s, EnsureProcesses)]
    assert [(order.spec.release, order.bounds.min) for order in orders] == [(1, 3)]


def test_a_release_phase_that_was_told_to_end_did_not_succeed_even_with_code_zero(serving: Scene):
    serving.go()
    serving.ask_to_stop(serving.observed.jobs[0].dyno)
    assert kinds(serving.go()) == [StopJob]
    serving.job_ends(0, expected=True)
    serving.settle(processes=WITH_PHASE)
    assert serving.statuses() == ["failed", "succeeded"]


def test_a_release_phase_that_was_lost_is_not_run_again(serving: Scene):
    serving.go()
    serving.reboot()
    while (made := serving.go()).steps:
        assert StartJob not in kinds(made)
        serving.ready()
        serving.ack()
    assert serving.statuses()[0] == "failed"


def test_two_release_phases_never_run_side_by_side(serving: Scene):
    serving.go()
    serving.deploy("c")
    serving.go()
    serving.build_ends(processes=WITH_PHASE)
    serving.go()
    made = serving.go()
    assert made.steps == ()
    assert "the release phase of v2 is still running" in waits(made)
    serving.job_ends(0)
    serving.go()
    assert kinds(serving.go()) == [StartJob]


def overtaken(scene: Scene) -> None:
    """v3, whose release phase was handed over by a pass that read late: v2's was handed over too,
    and nobody knows whether it has arrived."""
    scene.go()
    scene.deploy("c")
    scene.go()
    scene.build_ends(processes=WITH_PHASE)
    scene.go()
    rows = scene.observed.jobs
    scene.observed = msgspec.structs.replace(scene.observed, jobs=(), job_facts=())
    scene.go()
    scene.observed = msgspec.structs.replace(scene.observed, jobs=(*scene.observed.jobs, *rows))


def test_a_release_phase_of_an_overtaken_release_that_nobody_saw_start_is_called_off(
    serving: Scene,
):
    overtaken(serving)
    made = serving.plan()
    assert [(s.id, s.because.rule) for s in made.steps] == [
        (serving.observed.jobs[1].id, "call-off")
    ]
    assert f"{serving.observed.jobs[1].dyno} is called off" in waits(made)


def test_a_release_phase_waits_for_the_process_of_another_whatever_the_rows_say(serving: Scene):
    first = serving.go().steps[0].order.dyno
    serving.deploy("c")
    serving.go()
    serving.build_ends(processes=WITH_PHASE)
    serving.go()
    serving.observed = msgspec.structs.replace(serving.observed, jobs=())
    made = serving.go()
    assert StartJob not in kinds(made)
    assert f"{first} is still running" in waits(made)


def test_a_hand_over_is_not_repeated_beside_another_release_phase(serving: Scene):
    overtaken(serving)
    known = serving.observed.job_facts
    v2 = serving.observed.jobs[1]
    serving.observed = msgspec.structs.replace(
        serving.observed, job_facts=(msgspec.structs.replace(known[0], id=v2.id, dyno=v2.dyno),)
    )
    made = serving.plan()
    assert StartJob not in kinds(made)
    assert "the release phase of v2 is still running" in waits(made)


def test_what_was_let_through_a_moment_ago_outlives_the_next_release_phase():
    """The edge has not said yet that v1 is routed, and v2 is cut already."""
    scene = Scene()
    scene.go()
    scene.build_ends(processes=WITH_PHASE)
    scene.go()
    scene.go()
    scene.job_ends(0)
    scene.go()
    scene.go()
    scene.ready()
    scene.go()
    assert not scene.observed.route.acked
    scene.deploy("b")
    scene.go()
    scene.build_ends(processes=WITH_PHASE)
    scene.go()
    scene.go()
    assert (scene.routed_to(), scene.statuses()) == (1, ["pending", "succeeded"])


def test_a_hand_over_with_an_unknown_outcome_is_repeated_under_its_id(serving: Scene):
    first = serving.go().steps[0]
    serving.observed = msgspec.structs.replace(serving.observed, job_facts=())
    again = serving.go().steps[0]
    assert isinstance(again, StartJob)
    assert again.order.id == first.order.id


# --- one-off commands -------------------------------------------------------------------------


@pytest.fixture
def running() -> Scene:
    scene = Scene()
    scene.settle()
    scene.ask()
    return scene


def test_a_job_is_handed_over_followed_and_its_end_recorded(running: Scene):
    assert kinds(running.go()) == [StartJob]
    assert running.plan().settled  # a job may run for a day: the app is as intended meanwhile
    running.job_ends(7, ("boom",))
    made = running.go()
    assert kinds(made) == [SettleJob]
    assert (made.steps[0].end.state, made.steps[0].end.code) == ("failed", 7)
    assert running.observed.jobs[0].message == "exited with code 7\nboom"
    assert running.plan().settled


def test_a_job_stopped_before_it_was_handed_over_never_starts(running: Scene):
    running.ask_to_stop("run.1")
    assert kinds(running.go()) == [SettleJob]
    assert running.observed.jobs[0].state == "stopped"


def test_a_job_whose_release_is_gone_fails_and_says_so(running: Scene):
    running.ask(release=99)
    ends = [s.end for s in running.go().steps if isinstance(s, SettleJob)]
    assert [e.message for e in ends] == ["could not run: its release v99 is gone"]


def test_a_job_handed_over_by_a_memory_before_the_backup_is_lost(running: Scene):
    running.go()
    running.observed = msgspec.structs.replace(running.observed, job_facts=())
    running.unit = msgspec.structs.replace(running.unit, incarnation=2)
    ends = [s.end.state for s in running.go().steps if isinstance(s, SettleJob)]
    assert ends == ["lost"]


def test_an_app_is_not_forgotten_while_a_job_of_it_runs(running: Scene):
    running.go()
    running.change(deleted=True)
    assert kinds(running.go()) == [RemoveRoute]
    assert StopJob in kinds(running.go())
    running._replace(sets=())
    assert ForgetApp not in kinds(running.go()), "though no process is left"
    running.job_ends(143, expected=True)
    running.gone()
    assert kinds(running.go()) == [ForgetApp]


# --- schedules --------------------------------------------------------------------------------


@pytest.fixture
def scheduled() -> Scene:
    scene = Scene()
    scene.go()
    scene.build_ends(schedule=EVERY_HOUR)
    scene.settle()
    return scene


def test_a_schedule_rings_an_alarm_and_waits_for_nothing(scheduled: Scene):
    made = scheduled.plan()
    assert made.settled
    assert made.alarm_s == pytest.approx(HOUR_S - NOW_S % HOUR_S)


def test_a_scheduled_command_runs_once_when_it_is_due(scheduled: Scene):
    scheduled.now_s = HOUR_S * 2 + 1
    assert [s.order.dyno.partition(".")[0] for s in scheduled.go().steps] == ["scheduler"]
    scheduled.job_ends(0)
    scheduled.go()
    assert scheduled.go().steps == ()
    scheduled.now_s = HOUR_S * 3 + 1
    assert kinds(scheduled.go()) == [StartJob]


def test_what_was_due_long_ago_is_not_made_up_for(scheduled: Scene):
    scheduled.now_s = HOUR_S * 2 + CATCH_UP_S + 1
    assert scheduled.go().steps == ()


def test_a_release_cut_by_a_clock_that_was_ahead_keeps_its_schedule(scheduled: Scene):
    (release,) = scheduled.observed.releases
    ahead = msgspec.structs.replace(release, created_at_s=NOW_S + 1e9)
    scheduled._replace(releases=(ahead,))
    scheduled.now_s = HOUR_S * 2 + 1
    assert kinds(scheduled.go()) == [StartJob]
    scheduled.job_ends(0)
    scheduled.go()
    assert scheduled.go().steps == ()


def test_a_scheduled_command_never_runs_beside_itself(scheduled: Scene):
    scheduled.now_s = HOUR_S * 2
    scheduled.go()
    scheduled.now_s = HOUR_S * 3
    assert scheduled.go().steps == ()


def test_what_was_due_before_its_release_does_not_run():
    scene = Scene()
    scene.now_s = HOUR_S * 2
    scene.go()
    scene.build_ends(schedule=EVERY_HOUR)
    scene.go()
    assert not any(isinstance(step, SettleRelease | StartJob) for step in scene.go().steps)
