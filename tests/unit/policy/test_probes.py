"""Bounds on what a web process may be asked."""

import math

import pytest

from setpoint.model.app import DEFAULT_PROBE, Probe
from setpoint.model.errors import Invalid, NotFound, Refused
from setpoint.model.release import ProcessType
from setpoint.policy import probes
from tests.support.memory import slug


@pytest.mark.parametrize("path", ["", "/", "/health?deep=1#x", "/" + "x" * 1023])
def test_a_path_is_what_a_request_line_can_carry(path: str):
    probes.check_probe("shop", Probe(path))


@pytest.mark.parametrize(
    "path", ["health", "/a b", "/\r\nHost: x", "/\x7f", "/é", "/" + "x" * 1024, "http://x/"]
)
def test_any_other_path_is_refused(path: str):
    with pytest.raises(Invalid, match="cannot set the probe of 'shop'"):
        probes.check_probe("shop", Probe(path))


@pytest.mark.parametrize(
    "probe",
    [
        Probe("/", timeout_s=0.05),
        Probe("/", timeout_s=60.1),
        Probe("/", timeout_s=math.nan),
        Probe("/", timeout_s=math.inf),
        Probe("/", status_below=200),
        Probe("/", status_below=601),
    ],
)
def test_numbers_have_bounds(probe: Probe):
    with pytest.raises(Refused):
        probes.check_probe("shop", probe)


def test_the_default_is_allowed():
    probes.check_probe("shop", DEFAULT_PROBE)


def test_only_web_processes_are_asked():
    probes.check_probed("shop", "web", None)
    known = slug(ProcessType("web", "web", "serve"), ProcessType("worker", "worker", "work"))
    probes.check_probed("shop", "web", known)
    with pytest.raises(Invalid, match="'worker' is a worker"):
        probes.check_probed("shop", "worker", known)
    with pytest.raises(NotFound):
        probes.check_probed("shop", "other", known)
    with pytest.raises(NotFound):
        probes.check_probed("shop", "worker", None)
