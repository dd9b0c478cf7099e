"""A region and certificates by themselves: what cannot be had is told, and keeps nothing back."""

import msgspec
import pytest

from setpoint.model.condition import ConditionType, find
from setpoint.testing import builders
from tests.unit.planning.scene import Scene
from tests.unit.planning.test_certificates import certificate

WWW = "www.shop.example"


def scene(**wishes: object) -> Scene:
    made = Scene(msgspec.structs.replace(builders.intent(), **wishes))
    made.capabilities = builders.capabilities(regions=("local", "eu"), tls_hosts=("*.localhost",))
    return made


@pytest.mark.parametrize("region", ["", "local", "eu"])
def test_a_region_that_the_machine_stands_in_falls_short_of_nothing(region: str):
    made = scene(region=region)
    made.settle()
    assert made.plan().unmet == ()


def test_another_region_is_told_and_the_app_runs_in_the_one_there_is():
    made = scene(region="us")
    made.settle()
    (unmet,) = made.plan().unmet
    assert (unmet.path, unmet.wanted, unmet.offered) == ("region", "us", "local, eu")
    assert (unmet.nearest, unmet.capability, unmet.warned) == ("eu", "regions", True)
    assert "this machine, which is in eu" in unmet.because
    assert made.routed_to() == 1
    made.capabilities = builders.capabilities(regions=("local", "us"))
    assert made.plan().unmet == ()


def test_certificates_by_themselves_are_told_of_each_host_that_has_none():
    made = scene(acm=True, domains=("api.shop.example", WWW))
    made.settle()
    (unmet,) = made.plan().unmet
    assert unmet.path == "acm"
    assert unmet.wanted == f"a certificate for api.shop.example, {WWW}"
    assert (unmet.offered, unmet.capability) == ("*.localhost", "tls_hosts")
    assert "heroku certs:add CRT KEY -a shop" in unmet.because
    satisfiable = find(made.plan().conditions, ConditionType.SATISFIABLE)
    assert satisfiable is not None
    assert not satisfiable.status
    assert made.routed_to() == 1


@pytest.mark.parametrize(
    "wishes",
    [
        {"acm": True},
        {"acm": True, "domains": ("shop.localhost",)},
        {"acm": True, "domains": (WWW,), "certificates": {"own": certificate(WWW)}},
        {"acm": False, "domains": (WWW,)},
    ],
)
def test_where_every_host_has_one_or_nobody_asked_nothing_falls_short(wishes: dict[str, object]):
    made = scene(**wishes)
    made.settle()
    assert made.plan().unmet == ()
