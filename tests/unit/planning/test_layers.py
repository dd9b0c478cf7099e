"""What outsiders altered of the files a release runs on: laid again, told, or left."""

import msgspec
import pytest

from setpoint.model.app import Formation, Upkeep, UpkeepMode
from setpoint.model.condition import ConditionType, find
from setpoint.model.layer import Altered
from setpoint.model.process import Bounds, Drain, Phase, Start
from setpoint.model.release import ProcessType
from setpoint.model.steps import EnsureProcesses, StartBuild, StartJob
from setpoint.planning import layers
from setpoint.planning.standing import decide
from setpoint.testing.builders import facts, instance, order
from tests.unit.planning.scene import NOW_S, WEB, Scene

BY = "what v1 runs on was altered by an outsider (app.py was changed)"


@pytest.fixture
def serving() -> Scene:
    scene = Scene()
    scene.deploy("a")
    scene.settle()
    return scene


def altered(scene: Scene, *files: str, at_s: float = NOW_S) -> None:
    layer = scene.observed.releases[0].slug.code
    found = Altered(layer, at_s, files or ("app.py was changed",), len(files) or 1)
    scene._replace(altered=(found,))


def mended(scene: Scene) -> None:
    scene._replace(altered=())


def stalled(scene: Scene) -> tuple[bool, str, str]:
    found = find(scene.plan().conditions, ConditionType.STALLED)
    assert found is not None
    return found.status, found.reason, found.message


def test_what_was_altered_is_built_again_from_its_own_source_and_the_release_stays(
    serving: Scene,
):
    altered(serving)
    (step,) = serving.go().steps
    assert isinstance(step, StartBuild)
    assert (step.because.rule, step.because.text) == (layers.RULE, BY)
    assert step.request.source == serving.observed.releases[0].source
    assert [w.because for w in serving.plan().waiting] == [f"{BY}, and is being laid again"]
    serving.build_ends()
    mended(serving)
    assert serving.plan().settled
    assert [r.version for r in serving.observed.releases] == [1]


def test_a_layer_of_others_is_nobodys_business(serving: Scene):
    serving._replace(altered=(Altered(msgspec.convert("f" * 64, str), NOW_S, ("x",), 1),))
    assert serving.plan().settled


def test_what_is_altered_again_is_laid_again(serving: Scene):
    altered(serving)
    first = serving.go().steps
    serving.build_ends()
    altered(serving, at_s=NOW_S + 60)
    second = serving.go().steps
    assert [type(s) for s in (*first, *second)] == [StartBuild, StartBuild]


def test_what_cannot_be_laid_again_needs_a_human(serving: Scene):
    altered(serving)
    serving.go()
    serving.build_ends(message="cannot build: source aaaaaaaa is no longer here\ndeploy it again")
    assert stalled(serving) == (
        True,
        layers.REASON,
        f"{BY}, and laying it again failed\n"
        "cannot build: source aaaaaaaa is no longer here\ndeploy it again",
    )
    assert serving.plan().settled


def test_a_source_that_comes_to_something_else_by_now_needs_a_human(serving: Scene):
    altered(serving)
    serving.go()
    serving.build_ends()
    fact = "its source comes to something else by now; deploy it again"
    assert stalled(serving) == (True, layers.REASON, f"{BY}, and cannot be laid again: {fact}")


def test_a_build_that_was_cut_off_is_tried_again(serving: Scene):
    altered(serving)
    serving.go()
    serving.build_ends(message="the index is away", user_error=False)
    (step,) = serving.go().steps
    assert isinstance(step, StartBuild)


def test_a_deploy_under_way_is_the_help_and_is_not_told_to_be_stalled(serving: Scene):
    altered(serving)
    serving.go()
    serving.build_ends(message="cannot build: its source is gone")
    serving.deploy("b")
    serving.go()
    assert not stalled(serving)[0]


@pytest.mark.parametrize(("mode", "reason"), [("report", "Drifted"), ("freeze", "Frozen")])
def test_it_is_told_and_left_where_nothing_is_to_be_repaired(serving: Scene, mode, reason: str):
    serving.change(upkeep=Upkeep(mode))
    serving.settle()
    altered(serving)
    made = serving.plan()
    assert made.settled
    assert made.left_undone
    assert stalled(serving)[1] == reason
    assert BY in stalled(serving)[2]


@pytest.mark.parametrize("mode", ["enforce", "report"])
def test_a_change_takes_over_on_what_was_laid_again(serving: Scene, mode: UpkeepMode):
    if mode == "report":
        serving.change(upkeep=Upkeep(mode))
        serving.settle()
    altered(serving)
    serving.change(formation={"web": Formation(1, 1, "standard-2x")})
    rules = [s.because.rule for s in serving.go().steps]
    assert rules == ["lay-again", "renew"]
    waits = [w.because for w in serving.plan().waiting]
    assert "web of v1 starts on what is laid again" in waits
    assert serving.routed_to() == 1
    serving.build_ends()
    mended(serving)
    assert [type(s) for s in serving.go().steps] == [EnsureProcesses]
    serving.settle()
    assert len(serving.sets()) == 1


def test_drift_that_is_only_reported_stalls_no_deploy_that_is_on_its_way(serving: Scene):
    serving.change(upkeep=Upkeep("report"))
    serving.settle()
    altered(serving)
    assert stalled(serving)[1] == "Drifted"
    serving.deploy("b")
    assert not stalled(serving)[0]
    serving.go()
    assert not stalled(serving)[0], "it is being built"
    serving.build_ends(message="cannot build: there is no Procfile")
    assert stalled(serving)[:2] == (True, "BuildFailed")
    serving.deploy("c")
    serving.go()
    serving.build_ends()
    assert not stalled(serving)[0]


def test_so_does_a_release_that_is_gone_back_to(serving: Scene):
    layer = serving.observed.releases[0].slug.code
    serving.deploy("b")
    serving.settle()
    serving._replace(altered=(Altered(layer, NOW_S, ("app.py was changed",), 1),))
    serving.roll_back(1)
    begun = [type(s) for s in (*serving.go().steps, *serving.go().steps, *serving.go().steps)]
    assert StartBuild in begun
    assert [s.release for s in serving.sets()] == [2]
    serving.build_ends()
    mended(serving)
    serving.settle()
    assert [s.release for s in serving.sets()] == [3]


def test_its_release_phase_runs_on_what_was_laid_again_too(serving: Scene):
    serving.deploy("b")
    serving.go()
    serving.build_ends(processes=(WEB, ProcessType("release", "release", "migrate")))
    serving.go()
    altered(serving)
    for _ in range(3):
        assert StartJob not in [type(s) for s in serving.go().steps]
    serving.build_ends()
    mended(serving)
    assert StartJob in [type(s) for s in serving.go().steps]


def test_what_cannot_be_laid_again_keeps_no_change_from_being_rolled_out(serving: Scene):
    altered(serving)
    serving.go()
    serving.build_ends(message="cannot build: its source is gone")
    serving.change(formation={"web": Formation(1, 1, "standard-2x")})
    assert EnsureProcesses in [type(s) for s in serving.go().steps]


def test_nor_does_what_can_be_keep_an_app_down(serving: Scene):
    altered(serving)
    serving.reboot()
    assert EnsureProcesses in [type(s) for s in serving.go().steps]


def test_an_app_is_not_settled_while_it_moves_to_what_was_laid_again(serving: Scene):
    def outdate(facts):
        old = (msgspec.structs.replace(i, outdated=True) for i in facts.instances)
        return msgspec.structs.replace(facts, instances=tuple(old))

    serving._sets(outdate)
    moving = "web is moving to files that were laid again"
    assert [w.because for w in serving.plan().waiting] == [moving]


# --- its standing order --------------------------------------------------------------------------


def old(ordinal: int, phase: Phase = Phase.READY):
    return msgspec.structs.replace(instance(ordinal, phase), outdated=True)


def new(ordinal: int):
    return instance(ordinal, Phase.STARTING, started_at_s=NOW_S)


def acts(wanted, *instances, **fields):
    return decide(wanted, facts(wanted, *instances, ever_ready=True, **fields), NOW_S).acts


def test_as_many_new_ones_are_started_beside_the_old():
    started = acts(order(Bounds(2, 2)), old(1), old(2))
    assert [(type(a), a.ordinal) for a in started] == [(Start, 3), (Start, 4)]


def test_each_that_gets_ready_lets_one_go_and_none_goes_before():
    wanted = order(Bounds(2, 2))
    starting = new(3), new(4)
    assert acts(wanted, old(1), old(2), *starting) == ()
    one_ready = acts(wanted, old(1), old(2), instance(3), new(4))
    assert [(type(a), a.instance) for a in one_ready] == [(Drain, old(2).id)]
    then = msgspec.structs.replace(old(2, Phase.DRAINING), stop_at_s=NOW_S)
    assert acts(wanted, old(1), then, instance(3), new(4)) == ()
    last = acts(wanted, old(1), then, instance(3), instance(4))
    assert [(type(a), a.instance) for a in last] == [(Drain, old(1).id)]


def test_what_was_woken_by_demand_is_replaced_within_its_bounds():
    wanted = order(Bounds(0, 3))
    assert [a.ordinal for a in acts(wanted, old(1), old(2))] == [3, 4]
    up = instance(3), new(4)
    assert [a.instance for a in acts(wanted, old(1), old(2), *up)] == [old(2).id]
    assert acts(wanted, old(1), *up) == ()


@pytest.mark.parametrize("mode", ["report", "freeze"])
def test_what_is_to_be_left_runs_on_in_what_was_altered(mode):
    wanted = msgspec.structs.replace(order(), upkeep=Upkeep(mode))
    assert acts(wanted, old(1)) == ()
