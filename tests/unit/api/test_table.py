"""The route table, walked: what every route owes to every caller."""

import inspect
import json
import re
import sys
from typing import get_args

import pytest

from setpoint.api.call import Endpoint
from setpoint.api.openapi import operation_id
from setpoint.api.platform import unsupported
from setpoint.api.routes import ROUTES
from setpoint.policy.access import SCOPE_OF, Need
from tests.support.plane import Plane

NOBODYS = ("/sources/", "/oauth/")
"""What alters nothing of any app: an upload, and the end of one's own token."""


def named(row: Endpoint) -> str:
    return f"{row.method} {row.path}"


def filled(row: Endpoint) -> str:
    return re.sub(r"\{(\w+)\}", "nosuch", row.path)


def rows(needing: str) -> list[Endpoint]:
    """Those for which a token of a lesser scope does not do."""
    return [row for row in ROUTES if SCOPE_OF.get(row.need) == needing]


@pytest.mark.parametrize("row", ROUTES, ids=named)
def test_every_route_states_its_need_and_says_what_it_is(row: Endpoint) -> None:
    assert row.need in get_args(Need)
    assert row.summary
    if row.method not in ("GET", "POST") and row not in unsupported.ROUTES:
        assert SCOPE_OF.get(row.need, "read") != "read" or row.path.startswith(NOBODYS)


def test_no_route_is_there_twice() -> None:
    assert len({named(row) for row in ROUTES}) == len(ROUTES)
    assert len({operation_id(row) for row in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize("row", [r for r in ROUTES if r.need != "none"], ids=named)
@pytest.mark.parametrize("token", [None, "wrong", ""])
def test_without_a_known_token_every_route_answers_401(
    plane: Plane, row: Endpoint, token: str | None
) -> None:
    answer = plane.send(row.method, filled(row), token=token)
    assert answer.status == 401
    assert answer.json["id"] == "unauthorized"
    assert answer.json["message"].startswith("cannot ")


@pytest.mark.parametrize("row", rows("write") + rows("admin"), ids=named)
def test_a_read_token_may_not_write(plane: Plane, row: Endpoint) -> None:
    answer = plane.send(row.method, filled(row), token="look-token")
    assert answer.status == 403
    assert answer.json["id"] == "forbidden"


BODIES = {
    "/v1/apps/{app}/upkeep": {"mode": "freeze"},
    "/apps/{app}/formation": {"updates": []},
    "/apps/{app}/builds": {"source_blob": {}},
    "/apps/{app}/buildpack-installations": {"updates": []},
    "/v1/apps/{app}/egress": {"egress": []},
    "/v1/apps/{app}/isolation": {"level_min": "L2"},
    "/apps/{app}/webhooks": {
        "include": ["api:app"],
        "level": "notify",
        "url": "https://logs.example.com/",
    },
    "/apps/{app}/log-drains": {"url": "https://logs.example.com/"},
    "/apps/{app}/domains": {"hostname": "www.example.com"},
    "/apps/{app}/domains/{domain}": {"sni_endpoint": None},
    "/apps/{app}/sni-endpoints": {"certificate_chain": "", "private_key": ""},
    "/apps/{app}/sni-endpoints/{endpoint}": {"certificate_chain": "", "private_key": ""},
    "/apps/{app}/collaborators": {"user": "ghost@example.com"},
    "/apps/{app}/collaborators/{collaborator}": {"permissions": ["view"]},
    "/teams/apps/{app}/collaborators": {"user": "ghost@example.com"},
    "/teams/apps/{app}/collaborators/{collaborator}": {"permissions": ["view"]},
    "/v1/apps/{app}/access/{email}": {"role": "view"},
}


CREATES = "POST /{app}.git/git-receive-pack"
"""A push is how an app may begin."""


@pytest.mark.parametrize(
    "row",
    [
        row
        for row in ROUTES
        if "{app}" in row.path and not row.path.endswith("/plan") and named(row) != CREATES
    ],
    ids=named,
)
def test_an_unknown_app_is_not_found_on_every_route(plane: Plane, row: Endpoint) -> None:
    body = BODIES.get(row.path, {}) if row.body is not None else None
    query = "?service=git-upload-pack" if row.path.endswith("/info/refs") else ""
    answer = plane.send(row.method, filled(row) + query, body)
    assert answer.status == 404
    assert answer.json["id"] == "not_found"
    assert "'nosuch'" in answer.json["message"]


def test_openapi_describes_every_route_and_only_refers_to_what_is_in_it(plane: Plane) -> None:
    answer = plane.send("GET", "/v1/openapi.json")
    document = answer.json
    assert document["openapi"] == "3.1.0"
    described = {
        f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item
    }
    assert described == {named(row) for row in ROUTES}
    schemas = document["components"]["schemas"]
    refs = re.findall(r'"#/components/schemas/([^"]+)"', answer.body.decode())
    assert set(refs) <= schemas.keys()
    patch = document["paths"]["/apps/{app}/formation"]["patch"]
    assert "requestBody" in patch
    assert patch["x-setpoint-needs"] == "operate"
    assert json.dumps(document)


READS_RE = re.compile(r'(?:\.flag|call\.count|query_params\.get|query\.get)\(\s*"(\w+)"')


def test_what_handlers_read_of_the_query_is_declared_and_nothing_else() -> None:
    declared: dict[str, set[str]] = {}
    for row in ROUTES:
        declared.setdefault(row.run.__module__, set()).update(row.query)
    for module, names in declared.items():
        text = inspect.getsource(sys.modules[module])
        assert set(READS_RE.findall(text)) <= names, module
        assert all(f'"{name}"' in text for name in names), module
