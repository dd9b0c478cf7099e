"""A clock that is set while something is being built: how long it may take hangs on none."""

import signal
from collections.abc import Iterator

import msgspec
import pytest

from setpoint.drivers.local.builds import BUILD_S_MAX
from setpoint.model.release import Build, BuildRequest
from tests.integration.builds.site import BuildSite, plane_up
from tests.support.index import Index, served
from tests.support.waiting import until

DAY_S = 86400.0
SLOW = "import time\nprint('on its way')\ntime.sleep({s})"


@pytest.fixture
def index() -> Iterator[Index]:
    with served() as index:
        yield index


@pytest.fixture
def site(index: Index, monkeypatch: pytest.MonkeyPatch) -> Iterator[BuildSite]:
    monkeypatch.setenv("UV_INDEX", index.url)
    with plane_up(clocked=True) as plane:
        yield BuildSite(plane)


def begun(site: BuildSite, index: Index, takes_s: float) -> BuildRequest:
    index.publish("spslow", body=SLOW.format(s=takes_s))
    files = {"Procfile": "web: python app.py\n", "app.py": "", "requirements.txt": "spslow\n"}
    request = site.ask("slow", files)
    site.says(request, "on its way")
    return request


def verdict(site: BuildSite, request: BuildRequest) -> Build:
    """As it is kept. The supervisor shows one for an hour, and the builder's clock did not move."""
    result = site.plane.paths.builds / f"{request.id}.json"
    until(result.exists, site.build_s, f"it has ended: {site.plane.words()}")
    return msgspec.json.decode(result.read_bytes(), type=Build)


@pytest.mark.parametrize("by_s", [DAY_S, -DAY_S], ids=["ahead", "back"])
def test_a_clock_that_was_set_ends_no_build(site: BuildSite, index: Index, by_s: float) -> None:
    """Not even where another supervisor takes over, which works out anew what is left."""
    request = begun(site, index, takes_s=3)
    site.plane.move_clock(set_s=by_s)
    site.plane.signal_supervisor(signal.SIGKILL)
    build = verdict(site, request)
    assert (build.status, build.message) == ("succeeded", "")


def test_a_clock_set_back_gives_a_build_no_more_time(site: BuildSite, index: Index) -> None:
    request = begun(site, index, takes_s=3000)
    site.plane.move_clock(set_s=-DAY_S)
    site.plane.signal_supervisor(signal.SIGKILL)
    assert [b.status for b in site.builds()] == ["running"]
    site.plane.move_clock(passed_s=BUILD_S_MAX)
    build = site.ended(request)
    assert (build.status, build.user_error) == ("failed", True)
    assert "it took over 30 minutes" in build.message
