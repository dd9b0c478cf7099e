"""No request makes Setpoint fail: a bounded number per route here, more with `make fuzz`."""

from collections.abc import Iterator

import pytest

from setpoint.api.call import Endpoint
from setpoint.api.routes import ROUTES
from tests.fuzz.fuzz import Fuzz
from tests.support.plane import Plane

CASES, SEED = 10, 1


@pytest.fixture(scope="module")
def fuzz(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzz]:
    with Plane(tmp_path_factory.mktemp("data")) as plane:
        yield Fuzz(plane, CASES, SEED)


def named(row: Endpoint) -> str:
    return f"{row.method} {row.path}"


@pytest.mark.parametrize("row", ROUTES, ids=named)
def test_whatever_is_asked_is_answered_and_nothing_fails(fuzz: Fuzz, row: Endpoint) -> None:
    fuzz.check(named(row))


def test_a_failure_that_is_there_is_found(fuzz: Fuzz) -> None:
    fuzz.plane.figures = "none of the kind"  # type: ignore[assignment]
    with pytest.raises(AssertionError, match="500"):
        fuzz.check("GET /v1/metrics")
