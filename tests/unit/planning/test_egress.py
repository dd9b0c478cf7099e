"""A way out is had as it was asked for, or what is had instead is told."""

import msgspec
import pytest

from setpoint.model.egress import Egress
from setpoint.model.steps import EnsureProcesses
from setpoint.testing import builders
from tests.unit.planning.scene import Scene


def scene(level: str, offer: str, egress: Egress) -> Scene:
    made = Scene(msgspec.structs.replace(builders.intent(), egress=egress))
    made.capabilities = msgspec.structs.replace(made.capabilities, level=level, egress=offer)
    return made


@pytest.mark.parametrize(
    ("level", "offer", "egress"),
    [
        ("L3", "public", ()),
        ("L3", "public", ("internet", "10.0.0.0/8")),
        ("L2", "none", ()),
        ("L2", "none", ("none",)),
        ("L0", "machine", ()),
    ],
)
def test_nothing_falls_short_of_what_was_not_asked_for(level: str, offer: str, egress: Egress):
    assert scene(level, offer, egress).plan().unmet == ()


@pytest.mark.parametrize(
    ("level", "offer", "egress", "offered"),
    [
        ("L2", "none", ("internet",), "none"),
        ("L2", "none", ("10.0.3.0/24",), "none"),
        ("L0", "machine", ("none",), "the machine's whole network"),
        ("L0", "machine", ("internet",), "the machine's whole network"),
    ],
)
def test_a_level_that_cannot_says_so_and_the_app_runs(
    level: str, offer: str, egress: Egress, offered: str
):
    made = scene(level, offer, egress)
    made.settle()
    [unmet] = made.plan().unmet
    assert (unmet.path, unmet.wanted, unmet.offered) == ("egress", " ".join(egress), offered)
    assert unmet.capability == "egress"
    assert f"level {level}" in unmet.because
    assert made.routed_to() == 1


def test_another_egress_is_told_to_what_runs_and_replaces_nothing():
    made = scene("L3", "public", ())
    made.settle()
    before = {facts.key for facts in made.observed.sets}
    made.change(egress=("none",))
    steps = made.plan().steps
    told = [step.order for step in steps if isinstance(step, EnsureProcesses)]
    assert {order.key for order in told} == before
    assert {order.egress for order in told} == {("none",)}
