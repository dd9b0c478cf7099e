"""The machine becomes another stack: what was built on the old one is built again, by itself."""

import msgspec
import pytest

from setpoint.model.app import SecretRef
from setpoint.model.condition import ConditionType, find
from setpoint.model.release import ProcessType
from setpoint.model.steps import CutRelease, StartBuild, StartJob
from tests.unit.planning.scene import WEB, Scene

RELEASE = ProcessType("release", "release", "migrate")


def become(scene: Scene, stack: str) -> None:
    scene.capabilities = msgspec.structs.replace(scene.capabilities, stack=stack)


def steps(scene: Scene, kind: type) -> list:
    return [s for s in scene.plan().steps if isinstance(s, kind)]


def stalled(scene: Scene) -> tuple[str, str]:
    condition = find(scene.plan().conditions, ConditionType.STALLED)
    assert condition is not None
    return (condition.reason, condition.message) if condition.status else ("", "")


@pytest.fixture
def served() -> Scene:
    scene = Scene()
    scene.settle()
    return scene


def test_the_same_source_is_built_again_and_released_while_the_old_release_serves(
    served: Scene,
) -> None:
    old = served.observed.releases[0]
    become(served, "stack-2")
    (build,) = served.go().steps
    assert isinstance(build, StartBuild)
    assert build.request.stack == "stack-2"
    assert build.because.text == f"v1 was built on {old.slug.stack}; this is stack-2"
    assert served.routed_to() == 1
    served.build_ends()
    (cut,) = steps(served, CutRelease)
    assert (cut.change, cut.copies) == (old.change, None)
    assert cut.description.endswith(", built again for stack-2")
    served.go()
    assert served.routed_to() == 1, "the new one is not ready yet"
    served.settle()
    newest = served.observed.releases[0]
    assert (newest.version, newest.slug.stack, newest.change) == (2, "stack-2", old.change)
    assert served.routed_to() == 2
    assert served.go().settled


def test_a_machine_that_becomes_what_it_was_releases_what_was_built_there(served: Scene) -> None:
    """And comes to rest, however often it goes back and forth."""
    first = served.capabilities.stack
    for stack in ("stack-2", first, "stack-2"):
        become(served, stack)
        served.settle()
        assert served.observed.releases[0].slug.stack == stack
    assert served.routed_to() == 4
    assert len(served.observed.builds) == 2


def test_a_source_that_cannot_be_built_there_stalls_and_what_runs_runs_on(served: Scene) -> None:
    become(served, "stack-2")
    served.go()
    served.build_ends(message="no wheel of it for this Python")
    reason, message = stalled(served)
    assert reason == "StackGone"
    first, second = message.splitlines()
    assert first.startswith("v1 was built on ")
    assert first.endswith("; this is stack-2, and building its source again failed")
    assert second == "no wheel of it for this Python"
    ready = find(served.plan().conditions, ConditionType.READY)
    assert ready is not None
    assert ready.message == "v1 serves, on layers of another stack"
    assert steps(served, StartBuild) == []
    assert served.routed_to() == 1
    served.scale("web", 2)
    served.go()
    served.ready()
    assert len(served.sets()[0].ready) == 2
    served.deploy("b")
    served.settle()
    assert (served.routed_to(), stalled(served)) == (2, ("", ""))


def test_config_set_meanwhile_is_released_on_what_runs(served: Scene) -> None:
    become(served, "stack-2")
    served.go()
    served.build_ends(message="no wheel of it for this Python")
    served.configure(5)
    for _ in range(5):
        served.go()
        served.ready()
        served.ack()
        served.gone()
    newest = served.observed.releases[0]
    assert newest.config == {"GREETING": SecretRef("greeting", 5)}
    assert (served.routed_to(), newest.status) == (2, "succeeded")
    assert served.plan().steps == ()


def test_a_release_that_failed_is_not_built_again_for_another_stack(served: Scene) -> None:
    served.deploy("b")
    served.go()
    served.build_ends()
    served.go()
    served.go()
    served.gives_up()
    served.go()
    assert served.statuses() == ["failed", "succeeded"]
    become(served, "stack-2")
    assert steps(served, StartBuild) == []
    assert stalled(served)[0] == "ReleaseFailed"


def test_what_was_gone_back_to_is_built_again_too(served: Scene) -> None:
    served.deploy("b")
    served.settle()
    served.roll_back(1)
    served.settle()
    assert served.routed_to() == 3
    become(served, "stack-2")
    served.settle()
    newest, copied = served.observed.releases[:2]
    assert (newest.version, newest.source, newest.slug.stack) == (4, copied.source, "stack-2")
    assert served.routed_to() == 4


def test_going_back_to_what_another_stack_built_builds_its_source_first(served: Scene) -> None:
    become(served, "stack-2")
    served.deploy("b")
    served.settle()
    served.roll_back(1)
    (build,) = steps(served, StartBuild)
    assert build.request.source == served.observed.releases[1].source
    assert build.because.text.startswith("v1 was built on ")
    served.settle()
    assert served.observed.releases[0].slug.stack == "stack-2"
    assert served.routed_to() == 3


def test_going_back_to_what_cannot_be_built_here_stalls_and_releases_nothing(
    served: Scene,
) -> None:
    become(served, "stack-2")
    served.deploy("b")
    served.settle()
    served.roll_back(1)
    served.go()
    served.build_ends(message="no wheel of it for this Python")
    assert stalled(served)[0] == "StackGone"
    assert steps(served, CutRelease) == []
    assert served.routed_to() == 2


def test_a_release_phase_that_went_well_is_not_run_again_for_another_stack() -> None:
    scene, both = Scene(), (WEB, RELEASE)
    scene.go()
    scene.build_ends(processes=both)
    scene.go()
    assert len(steps(scene, StartJob)) == 1
    scene.go()
    scene.job_ends()
    scene.settle(processes=both)
    become(scene, "stack-2")
    scene.go()
    scene.build_ends(processes=both)
    scene.go()
    assert steps(scene, StartJob) == []
    scene.settle(processes=both)
    assert scene.routed_to() == 2
    scene.configure(2)
    scene.go()
    assert len(steps(scene, StartJob)) == 1, "what somebody asks for runs it"
