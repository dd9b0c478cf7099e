"""Going back to an earlier release: its slug and its config, at once and without a build."""

import msgspec
import pytest

from setpoint.model.app import SecretRef
from setpoint.model.condition import ConditionType, find
from setpoint.model.steps import CutRelease, StartBuild
from tests.unit.planning.scene import Scene


@pytest.fixture
def two() -> Scene:
    """v1, v2 (another config), v3 (another source) were there; v3 serves."""
    scene = Scene()
    scene.configure(1)
    scene.settle()
    scene.configure(2)
    scene.settle()
    scene.deploy("b")
    scene.settle()
    assert scene.routed_to() == 3
    return scene


def test_a_rollback_takes_over_slug_and_config_and_builds_nothing(two: Scene):
    old = two.observed.releases[2]
    two.roll_back(1)
    made = two.go()
    assert isinstance(made.steps[0], CutRelease)
    assert not any(isinstance(s, StartBuild) for s in made.steps)
    two.settle()
    newest = two.observed.releases[0]
    assert (newest.version, newest.slug, newest.config) == (4, old.slug, old.config)
    assert two.routed_to() == 4


def test_config_set_after_a_rollback_releases_on_the_old_slug(two: Scene):
    old = two.observed.releases[2]
    two.roll_back(1)
    two.settle()
    two.change(shape=True, config={"GREETING": SecretRef("greeting", 9)})
    two.settle()
    assert two.observed.releases[0].slug == old.slug
    assert two.observed.releases[0].config["GREETING"].version == 9


def test_the_next_deploy_ends_a_rollback(two: Scene):
    two.roll_back(1)
    two.settle()
    two.deploy("c")
    assert any(isinstance(s, StartBuild) for s in two.go().steps)
    two.settle()
    assert two.observed.releases[0].source == "c" * 64


def test_a_slug_that_is_gone_stalls_and_what_serves_goes_on(two: Scene):
    two.roll_back(1)
    two.observed = msgspec.structs.replace(
        two.observed,
        releases=tuple(
            msgspec.structs.replace(r, slug_kept=r.version != 1) for r in two.observed.releases
        ),
    )
    made = two.go()
    stalled = find(made.conditions, ConditionType.STALLED)
    assert stalled is not None
    assert stalled.message == "the slug of v1 is gone; deploy its source again"
    assert two.routed_to() == 3


def test_a_build_overtaken_by_another_push_never_wins():
    """Push A, push B; B is built first."""
    scene = Scene()
    scene.settle()
    scene.deploy("a")
    scene.go()
    scene.deploy("b")
    scene.go()
    a, b = (next(x for x in scene.observed.builds if x.source == digest * 64) for digest in "ab")
    ended = {b.id: "succeeded"}

    def end(build):
        if build.id not in ended or build.status != "running":
            return build
        slug = msgspec.structs.replace(scene.observed.releases[-1].slug, code=build.source)
        return msgspec.structs.replace(build, status="succeeded", slug=slug)

    def finish():
        builds = tuple(end(x) for x in scene.observed.builds)
        scene.observed = msgspec.structs.replace(scene.observed, builds=builds)

    finish()
    for _ in range(8):
        scene.go()
        scene.ready()
        scene.ack()
        scene.gone()
    assert scene.observed.releases[0].source == "b" * 64
    ended[a.id] = "succeeded"
    finish()
    assert scene.plan().settled
    assert scene.observed.releases[0].source == "b" * 64
