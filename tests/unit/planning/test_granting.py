"""What is granted of a formation: memory is counted, and what falls short says what is nearest."""

import msgspec

from setpoint.model.app import MIB, Formation
from setpoint.model.change import Because
from setpoint.model.process import Bounds
from setpoint.planning.draft import Draft
from setpoint.planning.granting import grant
from setpoint.testing import builders
from tests.unit.planning.scene import Scene


def draft(memory_mib: int, **fields: object) -> Draft:
    scene = Scene()
    offers = builders.capabilities(memory_bytes=memory_mib * MIB, instances_max=100, **fields)
    return Draft(scene.unit, scene.observed, offers, 0.0)


def granted(draft: Draft, process: str, count: int, size: str = "basic", least: int = 0) -> Bounds:
    return grant(draft, process, Formation(least or count, count, size=size))


def test_more_instances_than_there_is_memory_for_are_clipped_and_told():
    made = draft(4096, workarounds={"memory_bytes": "fewer of APP"})
    assert granted(made, "web", 100).max == 32
    (unmet,) = made.unmet
    assert (unmet.wanted, unmet.offered, unmet.nearest) == ("100", "32", "32")
    assert (unmet.path, unmet.capability) == ("formation.web.max", "memory_bytes")
    assert (unmet.provider, unmet.workaround) == ("this machine", "fewer of shop")
    assert "4096 MiB" in unmet.because
    assert "512 MiB" in unmet.because


def test_the_process_types_of_one_app_share_the_memory():
    made = draft(4096)
    assert granted(made, "web", 30).max == 30
    assert granted(made, "worker", 30).max == 2
    assert [u.path for u in made.unmet] == ["formation.worker.max"]


def test_one_instance_of_each_type_is_granted_whatever_is_left():
    made = draft(512)
    assert granted(made, "web", 4).max == 4
    assert granted(made, "worker", 1) == Bounds(1, 1, 600.0, 60.0)
    assert made.unmet == []


def test_nothing_takes_nothing_and_is_never_short():
    made = draft(64)
    assert granted(made, "web", 0).max == 0
    assert made.memory_granted == 0


def test_on_demand_the_least_is_never_above_the_most():
    made = draft(512)
    assert granted(made, "web", 100, least=50) == Bounds(4, 4, 600.0, 60.0)


def test_a_size_larger_than_the_machine_starts_and_names_the_nearest():
    made = draft(2048, sizes=("eco", "basic", "standard-1x", "standard-2x"))
    assert granted(made, "web", 1, "performance-m").max == 1
    (unmet,) = made.unmet
    assert (unmet.path, unmet.wanted, unmet.nearest) == (
        "formation.web.size",
        "performance-m",
        "standard-2x",
    )


def test_a_machine_smaller_than_every_size_still_has_a_nearest():
    made = draft(128, sizes=())
    assert granted(made, "web", 1).max == 1
    assert made.unmet == []
    assert granted(made, "worker", 1, "standard-2x").max == 1
    assert made.unmet[0].nearest == "eco"


def test_both_limits_are_told_when_both_fall_short():
    made = draft(1024)
    assert granted(made, "web", 200).max == 8
    assert [u.capability for u in made.unmet] == ["instances_max", "memory_bytes"]


def serving(count: int) -> Scene:
    scene = Scene()
    scene.deploy("a")
    scene.scale("web", count)
    scene.settle()
    return scene


def offer(scene: Scene, **fields: object) -> Because:
    """Why its set is told something else once this is what there is."""
    scene.capabilities = msgspec.structs.replace(scene.capabilities, **fields)
    (step,) = scene.plan().steps
    return step.because


def test_who_is_granted_less_than_before_is_told_which_offer_fell_short_and_under_no_change():
    assert offer(serving(6), instances_max=2) == Because(
        "offer",
        "instances_max is less than it was: web is kept at 6, 2 is granted of 6, "
        "for this machine runs at most 2 instances per process type",
    )
    because = offer(serving(6), memory_bytes=256 * MIB)
    assert because.text.startswith("memory_bytes is less than it was: web is kept at 6, 2 is")
    assert because.change is None


def test_who_is_granted_more_again_is_told_so_under_no_change():
    scene = serving(6)
    offer(scene, instances_max=2)
    scene.settle()
    much = "web is kept at 2, 4 is granted of 6"
    more = f"instances_max or memory_bytes is more than it was: {much}"
    assert offer(scene, instances_max=4) == Because("offer", more)


def test_what_a_change_asks_for_is_told_under_it_with_what_is_granted():
    scene = serving(1)
    scene.capabilities = msgspec.structs.replace(scene.capabilities, instances_max=2)
    scene.scale("web", 40)
    step = next(s for s in scene.plan().steps if s.because.rule == "scale")
    text, change = "web is kept at 1, 2 is granted of 40", scene.unit.last_change
    assert step.because == Because("scale", text, change)
