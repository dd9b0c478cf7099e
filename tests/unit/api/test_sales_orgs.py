"""What the `sf` functions commands ask of Heroku's API beyond what Heroku's own clients do."""

import pytest

from tests.support.plane import Plane

ORG, OTHER = "00D5g00000ABCDEFGH", "00D5g00000ZZZZZEAA"


def made(plane: Plane, org: str, project: str) -> str:
    path = f"/sales-org-connections/{org}/apps"
    answer = plane.send("POST", path, {"sfdx_project_name": project})
    assert answer.status == 201, answer.body
    assert answer.json["sfdx_project_name"] == project
    assert answer.json["sales_org_connection"]["sales_org_id"] == org
    return answer.json["name"]


def test_a_project_has_one_app_in_each_org_and_is_found_by_both(plane: Plane) -> None:
    here, there = made(plane, ORG, "Sweet_Project"), made(plane, OTHER, "Sweet_Project")
    assert here != there
    assert plane.unit(here) is not None
    found = plane.send("GET", f"/sales-org-connections/{ORG}/apps/Sweet_Project").json
    assert found["name"] == here
    same = {k: v for k, v in found.items() if k in plane.send("GET", f"/apps/{here}").json}
    assert same == plane.send("GET", f"/apps/{here}").json
    listed = plane.send("GET", f"/sales-org-connections/{ORG}/apps").json
    assert [app["name"] for app in listed] == [here]
    again = plane.send(
        "POST", f"/sales-org-connections/{ORG}/apps", {"sfdx_project_name": "Sweet_Project"}
    )
    assert again.status == 409
    unknown = plane.send("GET", f"/sales-org-connections/{ORG}/apps/Another")
    assert (unknown.status, unknown.json["id"]) == (404, "not_found")


def test_the_id_of_an_org_in_15_and_in_18_characters_is_one_org(plane: Plane) -> None:
    name = made(plane, ORG, "Short")
    found = plane.send("GET", f"/sales-org-connections/{ORG[:15]}/apps/Short")
    assert found.json["name"] == name


@pytest.mark.parametrize(
    ("org", "project"),
    [(ORG, ""), (ORG, "9lives"), (ORG, "店"), ("nope", "x"), ("..%2F..%2Fx", "x"), (ORG, "_")],
)
def test_what_is_no_org_or_project_is_refused(plane: Plane, org: str, project: str) -> None:
    path = f"/sales-org-connections/{org}/apps"
    assert plane.send("POST", path, {"sfdx_project_name": project}).status == 422


def test_a_name_is_never_longer_than_an_app_s_may_be(plane: Plane) -> None:
    assert len(made(plane, ORG, "a-project-" * 9)) <= 30
