"""One plane with the two example apps for all tests that only look; others make their own."""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.acceptance.plane import EXAMPLES, Plane, fresh_plane
from tests.support.used import MODULES, USED


@pytest.fixture(scope="session")
def plane() -> Iterator[Plane]:
    with fresh_plane() as running:
        yield running


@pytest.fixture(scope="session")
def greeter(plane: Plane) -> str:
    plane.ok("deploy", str(EXAMPLES / "hello-function"), "-a", "greeter", "-m", "say hello")
    return "greeter"


@pytest.fixture(scope="session")
def shop(plane: Plane) -> str:
    plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "shop", "-m", "open the shop")
    return "shop"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: "pytest.CallInfo[None]"
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keeps which routes the clients in tests that pass have used: `tests.support.used`."""
    report = yield
    module = Path(str(item.path)).stem
    if module in MODULES:
        USED.ran.add(module)
        if report.failed or report.skipped:
            USED.failed.add(module)
        if report.when == "call" and (plane := item.funcargs.get("plane")) is not None:
            USED.look(plane.data / "log" / "daemon.log", count=report.passed)
    return report
