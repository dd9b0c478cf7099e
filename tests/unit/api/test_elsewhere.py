"""What Heroku's API has and this one has not, by its paths."""

import re

import pytest

from setpoint.api.platform import elsewhere, unsupported
from setpoint.api.routes import ROUTES
from tests.support.plane import Plane

PATHS = (
    "/spaces/1/nat",
    "/enterprise-accounts",
    "/account/invoices/7",
    "/teams/any/delinquency",
    "/apps/any/slugs",
    "/apps/any/oci-images/1",
    "/test-runs/1",
    "/pipelines/1/review-app-config",
    "/pipelines/1/stage/review/config-vars",
    "/telemetry-drains",
    "/users/any/sms-number/actions/recover",
    "/account/app-transfers/1",
    "/pipelines/1/repo/branches/main",
)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_whoever_asks_for_it_is_told_why_not_and_where_to_read_on(
    plane: Plane, method: str, path: str
) -> None:
    answer = plane.send(method, path)
    assert (answer.status, answer.json["id"]) == (422, "unsupported")
    assert answer.json["message"].startswith("cannot ")
    assert answer.json["url"] == f"http://localhost{unsupported.PAGE}"
    page = plane.send("GET", unsupported.PAGE, token=None).json
    assert any(answer.json["message"].startswith(row["message"]) for row in page)


@pytest.mark.parametrize("path", ["/space/1", "/spacesuits/1", "/apps/any/acme", "/pipeline-x"])
def test_what_nobody_has_is_not_found(plane: Plane, path: str) -> None:
    answer = plane.send("GET", path)
    assert (answer.status, answer.json["id"]) == (404, "not_found")


@pytest.mark.parametrize("area", elsewhere.AREAS, ids=lambda area: area.what)
def test_nothing_that_is_here_is_said_not_to_be(area: elsewhere.Area) -> None:
    for row in ROUTES:
        assert re.fullmatch(area.paths, re.sub(r"\{\w+\}", "any", row.path)) is None, row.path


def test_every_area_has_a_path_among_these() -> None:
    for area in elsewhere.AREAS:
        assert any(re.fullmatch(area.paths, path) for path in PATHS), area.what
