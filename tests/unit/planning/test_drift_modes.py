"""Each kind of drift under each of the three: it is repaired, or only told, or left as it is."""

from collections.abc import Callable

import msgspec
import pytest

from setpoint.model.app import Upkeep, UpkeepMode
from setpoint.model.condition import ConditionType, find
from setpoint.model.layer import Altered
from setpoint.model.process import Adrift, Exit, Start
from setpoint.planning.standing import decide
from setpoint.testing import builders
from tests.unit.planning.scene import NOW_S, Scene

UNTIL_S = NOW_S + 60.0
LEFT: dict[UpkeepMode, str] = {"report": "Drifted", "freeze": "Frozen"}


def lose_route(scene: Scene) -> None:
    scene._replace(route=None)


def lead_elsewhere(scene: Scene) -> None:
    facts = scene.observed.route
    assert facts is not None
    lost = tuple(msgspec.structs.replace(b, target=None) for b in facts.route.backends)
    route = msgspec.structs.replace(facts.route, backends=lost)
    scene._replace(route=msgspec.structs.replace(facts, route=route))


def lose_set(scene: Scene) -> None:
    scene._replace(sets=())


def alter_files(scene: Scene) -> None:
    layer = scene.observed.releases[0].slug.code
    scene._replace(altered=(Altered(layer, NOW_S, ("app.py was changed",), 1),))


KINDS = [lose_route, lead_elsewhere, lose_set, alter_files]


def drifted(happen: Callable[[Scene], None], mode: UpkeepMode, until_s: float | None) -> Scene:
    scene = Scene()
    scene.deploy("a")
    scene.settle()
    scene.change(upkeep=None if mode == "enforce" else Upkeep(mode, until_s))
    scene.settle()
    happen(scene)
    return scene


def test_what_a_look_at_memory_that_was_late_does_not_know_of_is_no_drift():
    scene = Scene()
    scene.deploy("a")
    scene.settle()
    before = scene.unit
    scene.change(maintenance=True)
    scene.settle()
    scene.unit = before
    rules = {step.because.rule for step in scene.plan().steps}
    assert rules
    assert not rules & {"missing", "altered", "too-much"}


@pytest.mark.parametrize("happen", KINDS)
def test_what_is_enforced_is_repaired_and_not_stalled(happen: Callable[[Scene], None]):
    scene = drifted(happen, "enforce", None)
    made = scene.plan()
    assert made.steps
    assert not made.left_undone
    stalled = find(made.conditions, ConditionType.STALLED)
    assert stalled is not None
    assert not stalled.status


@pytest.mark.parametrize("mode", LEFT)
@pytest.mark.parametrize("happen", KINDS)
def test_what_is_not_is_named_left_and_repaired_once_the_time_is_over(
    happen: Callable[[Scene], None], mode: UpkeepMode
):
    scene = drifted(happen, mode, UNTIL_S)
    made = scene.plan()
    assert made.steps == ()
    assert made.left_undone
    assert made.alarm_s == UNTIL_S - NOW_S
    stalled = find(made.conditions, ConditionType.STALLED)
    assert stalled is not None
    assert (stalled.status, stalled.reason) == (True, LEFT[mode])
    assert "until 1970-01-01 00:17:40 UTC" in stalled.message
    scene.now_s = UNTIL_S
    after = scene.plan()
    assert after.steps
    again = find(after.conditions, ConditionType.STALLED)
    assert again is not None
    assert not again.status


@pytest.mark.parametrize(("mode", "starts"), [("enforce", 1), ("report", 0), ("freeze", 0)])
def test_a_process_that_an_outsider_killed_comes_back_where_it_is_enforced(
    mode: UpkeepMode, starts: int
):
    order = msgspec.structs.replace(builders.order(), upkeep=Upkeep(mode))
    killed = builders.facts(
        order, ever_ready=True, crashes=1, lost=1, last_exit=Exit(137, NOW_S - 5.0)
    )
    acts = decide(order, killed, NOW_S).acts
    assert len([act for act in acts if isinstance(act, Start)]) == starts
    anew = msgspec.structs.replace(order, upkeep=None)
    assert [type(act) for act in decide(anew, killed, NOW_S).acts] == [Start]


@pytest.mark.parametrize("mode", ["enforce", "report", "freeze"])
def test_what_cannot_be_repaired_is_told_and_the_app_is_not_ready(mode: UpkeepMode):
    def take_network(scene: Scene) -> None:
        (facts,) = scene.observed.sets
        adrift = (Adrift("network", NOW_S, "Not a directory"),)
        scene._replace(sets=(msgspec.structs.replace(facts, adrift=adrift),))

    made = drifted(take_network, mode, None).plan()
    assert not made.settled
    assert [w.because for w in made.waiting] == [
        "network cannot be repaired yet, it is tried again: Not a directory"
    ]
    ready = find(made.conditions, ConditionType.READY)
    assert ready is not None
    assert not ready.status
