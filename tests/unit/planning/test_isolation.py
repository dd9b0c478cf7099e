"""An app that asks for a level of isolation runs at it or above, or not at all, and says so."""

import msgspec
import pytest

from setpoint.model.app import Upkeep
from setpoint.model.change import Because
from setpoint.model.condition import ConditionType, find
from setpoint.model.release import ProcessType
from setpoint.model.steps import EnsureProcesses, RemoveProcesses, StartBuild, StartJob
from setpoint.planning.explain import DRIFT_RULES
from setpoint.testing import builders
from tests.unit.planning.scene import WEB, Scene

RELEASE = ProcessType("release", "release", "migrate")


def scene(wanted: str | None = "L3") -> Scene:
    made = Scene(msgspec.structs.replace(builders.intent(), isolation_level_min=wanted))
    made.capabilities = builders.capabilities(level="L3")
    return made


def lower(made: Scene, level: str) -> None:
    made.capabilities = builders.capabilities(level=level)


def stalled(made: Scene):
    condition = find(made.plan().conditions, ConditionType.STALLED)
    assert condition is not None
    return condition


@pytest.mark.parametrize(
    ("wanted", "level"), [(None, "L0"), ("L0", "L0"), ("L2", "L2"), ("L2", "L3"), ("L3", "L3")]
)
def test_what_is_asked_for_and_there_falls_short_of_nothing(wanted: str | None, level: str):
    made = scene(wanted)
    lower(made, level)
    made.settle()
    assert made.plan().unmet == ()
    assert made.routed_to() == 1
    assert {s.key.process for s in made.sets()} == {"web"}


def test_at_a_lower_level_nothing_of_it_is_built():
    made = scene()
    lower(made, "L2")
    plan = made.go()
    assert not any(isinstance(step, StartBuild) for step in plan.steps)
    made.ack()
    assert made.plan().settled
    (unmet,) = made.plan().unmet
    assert (unmet.path, unmet.wanted, unmet.offered) == ("isolation_level_min", "L3", "L2")
    assert (unmet.nearest, unmet.capability, unmet.warned) == ("L2", "level", False)
    assert "to run below L3" in unmet.because
    assert stalled(made).reason == "LevelTooLow"
    assert "setpoint isolation shop L2" in stalled(made).message


def test_what_runs_is_taken_out_of_the_routes_and_stopped_when_the_level_falls():
    made = scene()
    made.settle()
    lower(made, "L2")
    made.go()
    assert made.sets(), "it is routed until the edge has confirmed that it is not"
    made.ack()
    steps = made.go().steps
    assert [type(step) for step in steps] == [RemoveProcesses]
    assert "at this level" in steps[0].because.text
    made.gone()
    assert made.plan().settled
    assert made.sets() == []
    assert made.routed_to() is None
    ready = find(made.plan().conditions, ConditionType.READY)
    assert ready is not None
    assert (ready.status, ready.reason) == (False, "LevelTooLow")


def go_on(made: Scene) -> list[Because]:
    """Until all is done that is done by itself; why each step was taken."""
    taken: list[Because] = []
    for _ in range(6):
        taken += [step.because for step in made.go().steps]
        made.ack()
        made.ready()
        made.gone()
    return taken


@pytest.mark.parametrize("mode", [None, "freeze", "report"])
def test_it_goes_whoever_froze_it_and_neither_that_nor_its_return_is_drift(mode: str | None):
    made = scene()
    made.settle()
    made.change(upkeep=Upkeep(mode) if mode else None)
    go_on(made)
    lower(made, "L2")
    taken = go_on(made)
    assert (made.sets(), made.routed_to()) == ([], None)
    assert made.plan().settled
    assert stalled(made).reason == "LevelTooLow"
    lower(made, "L3")
    taken += go_on(made)
    assert not {because.rule for because in taken} & DRIFT_RULES
    assert made.plan().drift == ()
    assert (made.routed_to() is None) == (mode == "freeze"), "that holds back what is started anew"
    made.change(upkeep=None)
    go_on(made)
    assert made.routed_to() == 1


@pytest.mark.parametrize("mode", [None, "freeze", "report"])
def test_a_job_that_runs_ends_when_the_level_is_too_low_for_it(mode: str | None):
    made = scene(None)
    lower(made, "L2")
    made.settle()
    job = made.ask("look around")
    made.go()
    made.change(upkeep=Upkeep(mode) if mode else None)
    go_on(made)
    assert [f.stopping for f in made.observed.job_facts if f.id == job.id] == [False]
    made.change(isolation_level_min="L3")
    go_on(made)
    assert [f.stopping for f in made.observed.job_facts if f.id == job.id] == [True]


def test_one_is_handed_over_with_the_level_that_it_asks_for():
    made = scene()
    made.settle()
    made.ask("look around")
    (step,) = made.plan().steps
    assert isinstance(step, StartJob)
    assert step.order.level_min == "L3"


def test_of_what_may_not_run_nobody_is_told_that_it_serves():
    made = scene()
    made.settle()
    made.configure(2)
    made.go()
    lower(made, "L2")
    go_on(made)
    ready = find(made.plan().conditions, ConditionType.READY)
    assert ready is not None
    assert ready.message == "v1 is to serve, and may not run at this level"


def test_it_goes_on_as_it_was_once_the_level_is_back():
    made = scene()
    made.settle()
    before = made.sets()[0].key
    lower(made, "L0")
    for _ in range(4):
        made.go()
        made.ack()
        made.gone()
    assert made.sets() == []
    lower(made, "L3")
    assert not stalled(made).status
    made.settle()
    assert [s.key for s in made.sets()] == [before]
    assert made.statuses() == ["succeeded"]


def test_a_release_that_cannot_run_is_neither_proven_nor_failed():
    made = scene()
    made.go()
    made.build_ends()
    made.go()
    lower(made, "L2")
    for _ in range(4):
        made.go()
        made.ack()
        made.gone()
    assert made.statuses() == ["pending"]
    assert not made.sets()
    lower(made, "L3")
    made.settle()
    assert made.statuses() == ["succeeded"]


def test_no_job_starts_at_a_lower_level_neither_asked_for_nor_by_a_release():
    made = scene()
    made.go()
    made.build_ends(processes=(WEB, RELEASE))
    made.go()
    assert made.statuses() == ["pending"]
    lower(made, "L2")
    made.ask("look around")
    for _ in range(4):
        plan = made.go()
        assert not any(isinstance(step, StartJob | StartBuild) for step in plan.steps)
        made.ack()
        made.gone()
    assert made.plan().settled
    lower(made, "L3")
    assert any(isinstance(step, StartJob) for step in made.go().steps)


def test_the_order_says_the_level_so_that_whoever_starts_it_can_refuse():
    made = scene()
    made.settle()
    made.change(isolation_level_min="L2")
    (order,) = [s.order for s in made.plan().steps if isinstance(s, EnsureProcesses)]
    assert order.level_min == "L2"
    assert order.key == made.sets()[0].key, "nothing is replaced"


def test_one_that_is_destroyed_goes_at_any_level():
    made = scene()
    made.settle()
    lower(made, "L2")
    made.change(deleted=True)
    for _ in range(4):
        made.go()
        made.gone()
    assert made.forgotten
