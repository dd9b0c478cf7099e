"""One plane with the two example apps for all tests that only look; others make their own."""

from collections.abc import Iterator

import pytest

from tests.acceptance.plane import EXAMPLES, Plane, fresh_plane


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
