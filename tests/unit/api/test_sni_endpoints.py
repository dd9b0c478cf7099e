"""Certificates of an app's own domains: brought, read back, bound, renewed and taken away."""

import json
import time

import pytest

from tests.support.certificates import Issued, Issuer
from tests.support.plane import Plane
from tests.unit.api.conftest import Make

ISSUER = Issuer(time.monotonic())  # the plane's own clock
NOBODY = "00000000-0000-4000-8000-000000000000"


def body(issued: Issued) -> dict[str, str]:
    return {"certificate_chain": issued.chain, "private_key": issued.key}


def added(plane: Plane, name: str, *hosts: str) -> tuple[dict, Issued]:
    issued = ISSUER.issue(*hosts)
    made = plane.send("POST", f"/apps/{name}/sni-endpoints", body(issued))
    assert made.status == 201, made.body
    return made.json, issued


def domain(plane: Plane, name: str, host: str, certificate: str | None = None) -> dict:
    said = {"hostname": host, "sni_endpoint": certificate}
    made = plane.send("POST", f"/apps/{name}/domains", said)
    assert made.status == 201, made.body
    return made.json


def test_what_was_brought_is_read_back_but_for_the_key(plane: Plane, app: Make) -> None:
    id = app("certified")
    made, issued = added(plane, "certified", "www.certified.example", "*.certified.example")
    assert made["certificate_chain"] == issued.chain
    assert (made["app"], made["domains"]) == ({"id": id, "name": "certified"}, [])
    told = made["ssl_cert"]
    assert told["cert_domains"] == ["www.certified.example", "*.certified.example"]
    assert (told["ca_signed?"], told["self_signed?"]) == (False, False)
    assert told["issuer"] == "/CN=Nobody's authority"
    by_name = plane.send("GET", f"/apps/certified/sni-endpoints/{made['name']}").json
    by_id = plane.send("GET", f"/apps/{id}/sni-endpoints/{made['id']}").json
    assert by_name == by_id == made
    assert plane.send("GET", "/apps/certified/sni-endpoints").json == [made]
    assert plane.send("GET", f"/apps/certified/sni-endpoints/{NOBODY}").status == 404


def test_the_key_is_nowhere_to_be_read(plane: Plane, app: Make) -> None:
    app("unspoken")
    _, issued = added(plane, "unspoken", "www.unspoken.example")
    secret = issued.key.splitlines()[1]
    for path in (
        "/apps/unspoken/sni-endpoints",
        "/v1/apps/unspoken",
        "/v1/changes?app=unspoken",
        "/v1/why?resource=unspoken&history=1",
        "/v1/apps/unspoken/declared",
        "/v1/snapshot",
    ):
        answer = plane.send("GET", path)
        assert answer.status == 200, path
        assert secret not in json.dumps(answer.json), path
    said = plane.send(
        "PATCH",
        "/apps/unspoken",
        {"maintenance": True},
        headers={"Commit-Message": f"as {secret} wants"},
    )
    assert secret not in json.dumps(said.json)


def test_a_domain_is_served_with_one_that_is_for_it(plane: Plane, app: Make) -> None:
    app("bound")
    made, _ = added(plane, "bound", "www.bound.example", "*.bound.example")
    first = domain(plane, "bound", "www.bound.example", made["name"])
    assert first["sni_endpoint"] == {"id": made["id"], "name": made["name"]}
    second = domain(plane, "bound", "shop.bound.example")
    assert second["sni_endpoint"] is None
    path = "/apps/bound/domains/shop.bound.example"
    set_ = plane.send("PATCH", path, {"sni_endpoint": made["id"]})
    assert (set_.status, set_.json["sni_endpoint"]["name"]) == (200, made["name"])
    endpoint = plane.send("GET", f"/apps/bound/sni-endpoints/{made['name']}").json
    assert set(endpoint["domains"]) == {first["id"], second["id"]}
    assert plane.send("PATCH", path, {"sni_endpoint": None}).json["sni_endpoint"] is None
    assert plane.send("DELETE", "/apps/bound/domains/www.bound.example").status == 200
    assert plane.send("GET", f"/apps/bound/sni-endpoints/{made['name']}").json["domains"] == []


@pytest.mark.parametrize(
    ("host", "certificate", "status", "fact"),
    [
        ("www.other.example", "own", 422, "it is for www.astray.example, and not for"),
        ("www.astray.example", "cert-nosuch", 404, "has no such one"),
    ],
)
def test_a_host_that_it_is_not_for_is_refused(
    plane: Plane, app: Make, host: str, certificate: str, status: int, fact: str
) -> None:
    if plane.send("GET", "/apps/astray").status == 404:
        app("astray")
        added(plane, "astray", "www.astray.example")
    (own,) = plane.send("GET", "/apps/astray/sni-endpoints").json
    said = {"hostname": host, "sni_endpoint": own["name"] if certificate == "own" else certificate}
    refused = plane.send("POST", "/apps/astray/domains", said)
    assert (refused.status, fact in refused.json["message"]) == (status, True)
    assert all(d["kind"] == "heroku" for d in plane.send("GET", "/apps/astray/domains").json)
    own_host = plane.send("PATCH", "/apps/astray/domains/astray.localhost", {"sni_endpoint": None})
    assert own_host.status == 422


def test_it_is_renewed_only_by_one_for_the_same_hosts(plane: Plane, app: Make) -> None:
    app("renewing")
    made, old = added(plane, "renewing", "www.renewing.example")
    domain(plane, "renewing", "www.renewing.example", made["name"])
    path = f"/apps/renewing/sni-endpoints/{made['name']}"
    refused = plane.send("PATCH", path, body(ISSUER.issue("www.else.example")))
    assert (refused.status, refused.json["id"]) == (422, "invalid_params")
    assert "not for www.renewing.example" in refused.json["message"]
    assert plane.send("GET", path).json["certificate_chain"] == old.chain
    new = ISSUER.issue("www.renewing.example")
    renewed = plane.send("PATCH", path, body(new))
    assert renewed.json["certificate_chain"] == new.chain
    assert (renewed.json["id"], renewed.json["domains"]) == (made["id"], _ids(plane, "renewing"))
    assert plane.send("DELETE", path).status == 200
    assert plane.send("GET", path).status == 404
    (left,) = (d for d in plane.send("GET", "/apps/renewing/domains").json if d["kind"] == "custom")
    assert left["sni_endpoint"] is None


def _ids(plane: Plane, name: str) -> list[str]:
    found = plane.send("GET", f"/apps/{name}/domains").json
    return [d["id"] for d in found if d["kind"] == "custom"]


def test_what_is_wrong_with_it_is_told_and_nothing_is_kept(plane: Plane, app: Make) -> None:
    app("wrongly")
    issued = ISSUER.issue("www.wrongly.example")
    said = {**body(issued), "private_key": ISSUER.issue("x.example").key}
    refused = plane.send("POST", "/apps/wrongly/sni-endpoints", said)
    assert refused.status == 422
    message = "cannot add a certificate to 'wrongly': the key is not the certificate's"
    assert refused.json["message"] == message
    assert plane.send("GET", "/apps/wrongly/sni-endpoints").json == []
    assert (
        plane.send("POST", "/apps/wrongly/sni-endpoints", {"certificate_chain": ""}).status == 422
    )
