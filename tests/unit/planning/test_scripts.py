"""Scripts of app.json: after the first release that serves, and before a review app ends."""

import pytest

from setpoint.model.app import Setup
from setpoint.model.pipeline import Coupling
from setpoint.model.steps import Plan, RemoveRoute, StartJob
from setpoint.planning.scripts import FIRST_S_MAX
from tests.unit.planning.scene import NOW_S, Scene


def begun(at_s: float = NOW_S, stage: str = "review") -> Scene:
    scene = Scene()
    scene.change(setup=Setup(at_s, "seed", "sweep", "fix-7"), pipeline=Coupling("line", stage))
    return scene


def started(made: Plan) -> list[str]:
    return [step.order.spec.command for step in made.steps if isinstance(step, StartJob)]


def lived(scene: Scene) -> list[str]:
    """All scripts that are started until the app is at rest, or for long enough."""
    found: list[str] = []
    for _ in range(12):
        scene.ready()
        scene.ack()
        found += started(scene.go())
    return found


def test_the_first_release_that_serves_starts_it_once():
    scene = begun()
    scene.settle()
    assert scene.statuses() == ["succeeded"]
    ran = [job.command for job in scene.observed.jobs]
    assert ran == ["seed"]
    scene.job_ends(1)
    assert lived(scene) == []
    scene.deploy("b")
    scene.settle()
    assert [job.command for job in scene.observed.jobs] == ["seed"]


def test_nothing_is_started_for_a_release_that_does_not_serve():
    scene = begun()
    scene.go()
    scene.build_ends()
    made = [scene.go(), scene.go()]
    assert scene.statuses() == ["pending"]
    scene.gives_up()
    made += [scene.go() for _ in range(6)]
    assert scene.statuses() == ["failed"]
    assert [command for each in made for command in started(each)] == []


@pytest.mark.parametrize(("ago_s", "ran"), [(FIRST_S_MAX, ["seed"]), (FIRST_S_MAX + 1, [])])
def test_an_app_that_serves_too_late_goes_without(ago_s: float, ran: list[str]):
    scene = begun(NOW_S - ago_s)
    scene.settle()
    assert [job.command for job in scene.observed.jobs] == ran


def test_a_review_app_stays_until_its_script_has_ended_however_it_ends():
    scene = begun()
    scene.settle()
    scene.job_ends(0)
    scene.go()
    scene.change(deleted=True)
    made = scene.go()
    assert started(made) == ["sweep"]
    assert not any(isinstance(step, RemoveRoute) for step in made.steps)
    assert [wait.because for wait in scene.go().waiting] == ["its pr-predestroy script runs"]
    scene.job_ends(1)
    kinds = [type(step) for _ in range(8) for step in scene.go().steps]
    assert RemoveRoute in kinds
    assert StartJob not in kinds


def test_no_other_app_waits_for_it():
    scene = begun(stage="staging")
    scene.settle()
    scene.job_ends(0)
    scene.go()
    scene.change(deleted=True)
    assert started(scene.go()) == []
