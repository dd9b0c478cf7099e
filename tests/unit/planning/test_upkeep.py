"""Frozen, or drift only reported: what is held back, what is said of it, and how it ends."""

import msgspec
import pytest

from setpoint.model.app import Upkeep
from setpoint.model.condition import ConditionType, find
from setpoint.model.process import Exit, Phase, Start, Stop
from setpoint.planning.standing import decide
from setpoint.testing import builders
from tests.unit.planning.scene import NOW_S, Scene

FREEZE, REPORT = Upkeep("freeze"), Upkeep("report")
UNTIL = Upkeep("freeze", NOW_S + 60)


@pytest.fixture
def serving() -> Scene:
    scene = Scene()
    scene.deploy("a")
    scene.settle()
    return scene


def rules(made) -> list[str]:
    return [s.because.rule for s in made.steps]


def says(made, type_: ConditionType):
    condition = find(made.conditions, type_)
    assert condition is not None
    return condition


def kept(scene: Scene, upkeep: Upkeep | None) -> None:
    scene.change(upkeep=upkeep)
    assert rules(scene.go()) == ["upkeep", "renew"]
    scene.settle()


def lose_an_instance(scene: Scene) -> None:
    end = Exit(137, NOW_S)
    scene._sets(lambda s: msgspec.structs.replace(s, instances=(), lost=1, last_exit=end))


# --- frozen -----------------------------------------------------------------------------------


def test_a_frozen_app_is_settled_and_its_sets_are_told(serving: Scene):
    kept(serving, FREEZE)
    assert [s.upkeep for s in serving.sets()] == [FREEZE]
    made = serving.plan()
    assert made.settled
    assert not says(made, ConditionType.STALLED).status
    assert says(made, ConditionType.READY).status


def test_what_is_asked_of_a_frozen_app_waits_and_is_told_at_once(serving: Scene):
    kept(serving, FREEZE)
    serving.scale("web", 2)
    made = serving.go()
    assert rules(made) == ["renew"], "nothing older is to get at its route, and nothing else"
    assert made.left_undone
    stalled = says(made, ConditionType.STALLED)
    assert stalled.reason == "Frozen"
    assert stalled.message.endswith(
        "is frozen, so this waits: web is kept at 1, 2 is intended; setpoint unfreeze shop"
    )
    serving.change(upkeep=None)
    assert serving.go().steps != ()
    serving.settle()
    assert len(serving.sets()[0].ready) == 2


def test_a_deploy_to_a_frozen_app_is_built_and_goes_no_further(serving: Scene):
    kept(serving, FREEZE)
    serving.deploy("b")
    assert rules(serving.go()) == ["build-source", "renew"]
    serving.build_ends()
    made = serving.go()
    assert made.steps == ()
    assert "asks for a release" in says(made, ConditionType.STALLED).message
    assert serving.statuses() == ["succeeded"]


def test_what_is_gone_of_a_frozen_app_is_drift_and_stays_away(serving: Scene):
    kept(serving, FREEZE)
    serving.observed = msgspec.structs.replace(serving.observed, sets=(), route=None)
    made = serving.go()
    assert made.steps == ()
    assert [d.subject for d in made.drift] == ["web@v1", "shop"]
    ready = says(made, ConditionType.READY)
    assert (ready.status, ready.message) == (False, "v1 is to serve, and not all of it does")


def test_a_freeze_ends_when_its_time_is_over(serving: Scene):
    serving.change(upkeep=UNTIL)
    made = serving.go()
    assert made.alarm_s == 60
    serving.settle()
    serving.reboot()
    assert serving.go().steps == ()
    serving.now_s += 60
    assert rules(serving.go()) == ["resume", "resume"]
    serving.settle()
    assert serving.plan().drift == ()


def test_a_clock_that_jumped_ahead_and_is_not_believed_ends_no_freeze(serving: Scene):
    kept(serving, UNTIL)
    serving.scale("web", 2)
    serving.now_s += 3600
    serving.observed = msgspec.structs.replace(serving.observed, clock_ahead_s=3600.0)
    made = serving.go()
    assert rules(made) == ["renew"]
    assert made.alarm_s == 60
    assert says(made, ConditionType.STALLED).reason == "Frozen"
    serving.now_s += 60
    assert rules(serving.go()) == ["upkeep"]


def test_no_clock_of_the_supervisor_ends_a_freeze(serving: Scene):
    kept(serving, UNTIL)
    assert [s.upkeep for s in serving.sets()] == [FREEZE]


def test_somebody_may_run_a_command_in_a_frozen_app(serving: Scene):
    kept(serving, FREEZE)
    serving.ask("look around")
    assert rules(serving.go()) == ["run-job"]
    serving.job_ends()
    assert rules(serving.go()) == ["job-ended"]


# --- drift only reported ------------------------------------------------------------------------


def test_what_the_machine_s_end_took_away_is_no_drift_to_be_left_as_it_is(serving: Scene):
    kept(serving, REPORT)
    serving.reboot()
    assert rules(serving.go()) == ["resume", "resume"]


def test_drift_that_is_only_reported_is_left_until_the_next_change(serving: Scene):
    kept(serving, REPORT)
    serving.observed = msgspec.structs.replace(serving.observed, route=None)
    made = serving.go()
    assert made.steps == ()
    assert says(made, ConditionType.STALLED).reason == "Drifted"
    assert [d.text for d in made.drift] == ["shop should be routed and is not"]
    serving.scale("web", 2)
    serving.settle()
    assert serving.routed_to() == 1
    assert len(serving.sets()[0].ready) == 2


def test_an_instance_that_stays_away_is_told_and_not_waited_for(serving: Scene):
    kept(serving, REPORT)
    lose_an_instance(serving)
    made = serving.plan()
    assert made.settled
    stalled = says(made, ConditionType.STALLED)
    told = "0 of 1 web instances of v1 are ready, for an outsider ended 1"
    assert stalled.message.startswith(told)
    assert not says(made, ConditionType.READY).status


# --- standing orders ------------------------------------------------------------------------------


def ordered(upkeep: Upkeep | None):
    return msgspec.structs.replace(builders.order(), upkeep=upkeep)


@pytest.mark.parametrize("upkeep", [FREEZE, UNTIL])
def test_a_frozen_set_starts_nothing_and_stops_nothing_until_it_is_ordered_anew(upkeep: Upkeep):
    order = ordered(upkeep)
    one = builders.facts(order, ever_ready=True, waiting=3)
    crowd = builders.facts(order, builders.instance(1), builders.instance(2), ever_ready=True)
    for facts in (one, crowd):
        for at_s in (NOW_S, NOW_S + 3600):
            decided = decide(order, facts, at_s)
            assert decided.acts == ()
            assert decided.look_again_s is None
        assert decide(ordered(None), facts, NOW_S).acts != ()


def test_a_frozen_set_still_ends_what_was_told_to_drain():
    order = ordered(FREEZE)
    leaving = builders.instance(1, Phase.DRAINING, stop_at_s=NOW_S, drained=True)
    decided = decide(order, builders.facts(order, leaving), NOW_S)
    assert [type(a) for a in decided.acts] == [Stop]


def test_where_drift_is_reported_a_crash_is_repaired_and_a_kill_from_outside_is_not():
    order = ordered(REPORT)
    killed = builders.facts(order, ever_ready=True, crashes=1, lost=1)
    assert decide(order, killed, NOW_S).acts == ()
    asked_for = msgspec.structs.replace(killed, waiting=1)
    assert [type(a) for a in decide(order, asked_for, NOW_S).acts] == [Start]
    crashed = builders.facts(order, ever_ready=True, crashes=1, last_exit=Exit(1, NOW_S))
    assert [type(a) for a in decide(order, crashed, NOW_S).acts] == [Start]
