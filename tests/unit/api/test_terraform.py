"""What Terraform's provider for Heroku asks for, resource by resource: made, read, altered, read,
taken away, and not found any more.

The requests are those of terraform-provider-heroku after 5.3, by its source. It names apps by id,
sends what is not set as nothing at all, and takes whatever is read otherwise for drift.
"""

import hashlib
import time
from typing import Any

import pytest

from tests.support.certificates import Issuer
from tests.support.plane import Answer, Plane
from tests.support.waiting import until
from tests.unit.api.conftest import Make, deploy, upload
from tests.unit.api.test_access import account

ISSUER = Issuer(time.monotonic())
NEWEST = {"Range": "version ..; max=1,order=desc"}
BY_EMAIL = {"Range": "email ..; max=1000"}
ACCEPTS = {"Accept": "application/vnd.heroku+json; version=3"}


class Provider:
    def __init__(self, plane: Plane) -> None:
        self._plane = plane

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Answer:
        return self._plane.send(method, path, body, headers={**ACCEPTS, **(headers or {})})

    def ok(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        answer = self.ask(method, path, body, headers)
        assert answer.status < 300, (method, path, answer.body)
        return answer.json

    def get(self, path: str) -> Any:
        return self.ok("GET", path)

    def gone(self, path: str) -> None:
        answer = self.ask("GET", path)
        assert (answer.status, answer.json["id"]) == (404, "not_found")

    def refused(self, method: str, path: str, body: object = None) -> str:
        """What Terraform shows."""
        answer = self.ask(method, path, body)
        assert answer.status == 422, (method, path, answer.body)
        assert answer.json["url"].endswith("/v1/unsupported")
        return answer.json["message"]

    def configure(self, app: str, vars: dict[str, str | None]) -> dict[str, str]:
        """And wait for the release of it, as it does after each."""
        self.ok("PATCH", f"/apps/{app}/config-vars", vars)
        (newest,) = self.ok("GET", f"/apps/{app}/releases", **NEWEST)
        release = f"/apps/{app}/releases/{newest['id']}"
        until(lambda: self.get(release)["status"] == "succeeded")
        return self.get(f"/apps/{app}/config-vars")


@pytest.fixture
def terraform(plane: Plane) -> Provider:
    return Provider(plane)


def test_app(terraform: Provider) -> None:
    made = terraform.ok("POST", "/apps", {"name": "terra-app", "region": "local"})
    one = f"/apps/{made['id']}"
    assert terraform.configure(made["id"], {}) == {}
    read = terraform.get(one)
    assert {**read, "updated_at": "", "released_at": ""} == {
        **made,
        "updated_at": "",
        "released_at": "",
    }
    assert (read["acm"], read["internal_routing"], read["space"]) == (False, None, None)
    assert terraform.get(f"{one}/buildpack-installations") == []

    packs = ["https://example.com/b.tgz", "https://example.com/a.tgz"]
    renamed = terraform.ok("PATCH", one, {"name": "terra-renamed"})
    updates = {"updates": [{"buildpack": pack} for pack in packs]}
    terraform.ok("PUT", f"{one}/buildpack-installations", updates)
    assert terraform.configure(made["id"], {"A": "1", "OLD": None}) == {"A": "1"}
    assert terraform.get(one)["name"] == renamed["name"] == "terra-renamed"
    told = terraform.get(f"{one}/buildpack-installations")
    assert [pack["buildpack"]["name"] for pack in told] == packs

    assert terraform.ok("PATCH", one, {})["name"] == "terra-renamed", "nothing of it has changed"
    assert terraform.ok("POST", f"{one}/acm")["acm"] is True
    assert terraform.get(one)["acm"] is True
    assert terraform.ok("DELETE", f"{one}/acm")["acm"] is False
    assert terraform.ok("DELETE", one)["id"] == made["id"]
    terraform.gone(one)


def test_app_of_an_organization(terraform: Provider) -> None:
    said = {"team": "setpoint", "personal": False, "locked": False, "internal_routing": False}
    made = terraform.ok("POST", "/teams/apps", {"name": "terra-team", "region": "local", **said})
    one = f"/teams/apps/{made['id']}"
    terraform.configure(made["id"], {})
    read = terraform.get(one)
    assert read["team"]["name"] == "setpoint"
    assert read["locked"] is False
    assert terraform.ok("PATCH", one, {"locked": False})["locked"] is False
    told = terraform.ask("PATCH", one, {"locked": True})
    assert (told.status, "cannot lock 'terra-team'" in told.json["message"]) == (422, True)
    elsewhere = terraform.ask("POST", "/teams/apps", {"name": "terra-no", "team": "acme"})
    assert (elsewhere.status, elsewhere.json["resource"]) == (404, "team")
    terraform.gone("/apps/terra-no")
    terraform.ok("DELETE", f"/apps/{made['id']}")
    terraform.gone(one)


def test_config_association(terraform: Provider, app: Make) -> None:
    id = app("terra-config")
    assert terraform.configure(id, {"A": "1", "B": "two\nlines"}) == {"A": "1", "B": "two\nlines"}
    assert terraform.configure(id, {"A": None, "B": "3"}) == {"B": "3"}
    assert terraform.configure(id, {"B": None}) == {}


def test_formation(terraform: Provider, plane: Plane, app: Make) -> None:
    id = app("terra-form")
    deploy(plane, "terra-form")
    for size, quantity, canonical in (("standard-1x", 2, "Standard-1X"), ("BASIC", 1, "Basic")):
        terraform.get(f"/apps/{id}")
        wanted = {"dyno_size": {"name": size}, "quantity": quantity}
        told = terraform.ok("PATCH", f"/apps/{id}/formation/web", wanted)
        read = terraform.get(f"/apps/{told['app']['id']}/formation/{told['id']}")
        assert read == told
        assert (read["type"], read["quantity"], read["size"]) == ("web", quantity, canonical)
    only = terraform.ok("PATCH", f"/apps/{id}/formation/web", {"quantity": 0})
    assert (only["quantity"], only["size"]) == (0, "Basic")
    assert terraform.get(f"/apps/{id}/formation/{only['id']}")["quantity"] == 0


def test_certificate_and_the_domain_it_is_for(terraform: Provider, app: Make) -> None:
    id, host = app("terra-domain"), "www.terra-domain.example"
    domains, certificates = f"/apps/{id}/domains", f"/apps/{id}/sni-endpoints"
    made = terraform.ok("POST", domains, {"hostname": host, "sni_endpoint": None})
    read = terraform.get(f"{domains}/{made['id']}")
    assert (read["app"]["id"], read["hostname"], read["cname"]) == (id, host, made["cname"])
    assert read["sni_endpoint"] is None

    first, second = ISSUER.issue(host), ISSUER.issue(host)
    brought = {"certificate_chain": first.chain, "private_key": first.key}
    certificate = terraform.ok("POST", certificates, brought)
    own = f"{certificates}/{certificate['id']}"
    read = terraform.get(own)
    assert (read["app"]["id"], read["name"]) == (id, certificate["name"])
    assert read["certificate_chain"] == first.chain
    terraform.ok("PATCH", f"{domains}/{made['id']}", {"sni_endpoint": certificate["id"]})
    bound = terraform.get(f"{domains}/{made['id']}")["sni_endpoint"]
    assert bound["id"] == certificate["id"]
    terraform.ok("PATCH", own, {"certificate_chain": second.chain, "private_key": second.key})
    assert terraform.get(own)["certificate_chain"] == second.chain

    terraform.ok("DELETE", f"{domains}/{made['id']}")
    terraform.gone(f"{domains}/{made['id']}")
    terraform.ok("DELETE", own)
    terraform.gone(own)


def test_drain(terraform: Provider, app: Make) -> None:
    drains = f"/apps/{app('terra-drain')}/log-drains"
    url = "https://logs.example.com/in?key=abc"
    made = terraform.ok("POST", drains, {"url": url})
    read = terraform.get(f"{drains}/{made['id']}")
    assert (read["url"], read["token"]) == (url, made["token"])
    terraform.ok("DELETE", f"{drains}/{made['id']}")
    terraform.gone(f"{drains}/{made['id']}")


def test_app_webhook(terraform: Provider, app: Make) -> None:
    hooks = f"/apps/{app('terra-hook')}/webhooks"
    said = {"level": "notify", "url": "https://hooks.example.com/a", "include": ["api:release"]}
    made = terraform.ok("POST", hooks, {**said, "secret": "only told once", "authorization": "B x"})
    own = f"{hooks}/{made['id']}"
    read = terraform.get(own)
    assert {name: read[name] for name in said} == said
    now = {"level": "sync", "url": "https://hooks.example.com/b", "include": ["api:build"]}
    terraform.ok("PATCH", own, {**now, "secret": "and another one"})
    read = terraform.get(own)
    assert {name: read[name] for name in now} == now
    terraform.ok("PATCH", own, {})
    assert terraform.get(own) == {**read, "updated_at": terraform.get(own)["updated_at"]}
    terraform.ok("DELETE", own)
    terraform.gone(own)


def test_pipeline_and_its_couplings(terraform: Provider, app: Make) -> None:
    me = {"id": terraform.get("/account")["id"], "type": "user"}
    made = terraform.ok("POST", "/pipelines", {"name": "terra-line", "owner": me})
    line = f"/pipelines/{made['id']}"
    read = terraform.get(line)
    assert (read["name"], read["owner"]) == ("terra-line", me)
    terraform.ok("PATCH", line, {"name": "terra-line-2"})
    assert terraform.get(line)["name"] == "terra-line-2"

    said = {"app": app("terra-coupled"), "pipeline": made["id"], "stage": "staging"}
    coupling = terraform.ok("POST", "/pipeline-couplings", said)
    own = f"/pipeline-couplings/{coupling['id']}"
    read = terraform.get(own)
    assert (read["app"]["id"], read["pipeline"]["id"], read["stage"]) == tuple(said.values())
    terraform.ok("DELETE", own)
    terraform.gone(own)
    terraform.ok("DELETE", line)
    terraform.gone(line)


@pytest.mark.parametrize("release", [False, True], ids=["what serves", "a release by its id"])
def test_pipeline_promotion(terraform: Provider, plane: Plane, app: Make, release: bool) -> None:
    from_, to = f"terra-from-{release:d}", f"terra-to-{release:d}"
    source, target = app(from_), app(to)
    deploy(plane, from_)
    line = terraform.ok("POST", "/pipelines", {"name": f"terra-promo-{release:d}"})["id"]
    for id, stage in ((source, "staging"), (target, "production")):
        said = {"app": id, "pipeline": line, "stage": stage}
        terraform.ok("POST", "/pipeline-couplings", said)
    (newest,) = terraform.ok("GET", f"/apps/{source}/releases", **NEWEST)
    wanted: dict[str, Any] = {
        "pipeline": {"id": line},
        "source": {"app": {"id": source}},
        "targets": [{"app": {"id": target}}],
    }
    if release:
        wanted["source"]["release"] = {"id": newest["id"]}
    made = terraform.ok("POST", "/pipeline-promotions", wanted)
    own = f"/pipeline-promotions/{made['id']}"
    until(lambda: terraform.get(own)["status"] == "completed")
    read = terraform.get(own)
    assert (read["pipeline"]["id"], read["source"]["app"]["id"]) == (line, source)
    assert read["source"]["release"]["id"] == newest["id"]
    (came,) = terraform.get(f"{own}/promotion-targets")
    assert (came["app"]["id"], came["status"]) == (target, "succeeded")
    assert terraform.get(f"/apps/{target}/releases/{came['release']['id']}")["current"] is True
    terraform.gone("/pipeline-promotions/01234567-89ab-cdef-0123-456789abcdef")


def test_an_earlier_release_is_promoted_by_its_id(
    terraform: Provider, plane: Plane, app: Make
) -> None:
    source, target = app("terra-early"), app("terra-late")
    deploy(plane, "terra-early", b"early")
    (first,) = terraform.ok("GET", f"/apps/{source}/releases", **NEWEST)
    deploy(plane, "terra-early", b"later")
    line = terraform.ok("POST", "/pipelines", {"name": "terra-early"})["id"]
    for id, stage in ((source, "staging"), (target, "production")):
        said = {"app": id, "pipeline": line, "stage": stage}
        terraform.ok("POST", "/pipeline-couplings", said)

    def promote(release: str) -> Answer:
        wanted = {"app": {"id": source}, "release": {"id": release}}
        targets = [{"app": {"id": target}}]
        said = {"pipeline": {"id": line}, "source": wanted, "targets": targets}
        return terraform.ask("POST", "/pipeline-promotions", said)

    made = promote(first["id"])
    assert made.json["source"]["release"]["id"] == first["id"]
    targets = f"/pipeline-promotions/{made.json['id']}/promotion-targets"
    until(lambda: terraform.get(targets)[0]["status"] == "succeeded")
    release = terraform.get(targets)[0]["release"]["id"]
    assert terraform.get(f"/apps/{target}/releases/{release}")["slug"] == first["slug"]
    assert promote("01234567-89ab-cdef-0123-456789abcdef").status == 404


def test_build_from_a_folder(terraform: Provider, plane: Plane, app: Make) -> None:
    id, content = app("terra-build"), b"terra-build"
    checksum = f"SHA256:{hashlib.sha256(content).hexdigest()}"
    url = upload(plane, content)
    blob = {"url": url, "checksum": checksum, "version": "v1"}
    made = terraform.ok("POST", f"/apps/{id}/builds", {"source_blob": blob})
    own = f"/apps/{id}/builds/{made['id']}"
    until(lambda: terraform.get(own)["status"] == "succeeded" and terraform.get(own)["release"])
    read = terraform.get(own)
    assert read["app"]["id"] == id
    assert (read["source_blob"]["checksum"], read["source_blob"]["version"]) == (checksum, "v1")
    assert read["release"]["id"]
    assert read["slug"]["id"]
    assert read["user"]["email"] == terraform.get("/account")["email"]
    terraform.gone(f"/apps/{id}/builds/01234567-89ab-cdef-0123-456789abcdef")


def test_app_release_of_a_slug_is_refused_with_the_way_round(
    terraform: Provider, plane: Plane, app: Make
) -> None:
    id = app("terra-slug")
    slug = terraform.get(f"/apps/{id}/builds/{deploy(plane, 'terra-slug')}")["slug"]["id"]
    for wanted in ({"slug": slug, "description": "by hand"}, {"slug": "", "oci_image": slug}):
        assert "release a slug" in terraform.refused("POST", f"/apps/{id}/releases", wanted)
    (newest,) = terraform.ok("GET", f"/apps/{id}/releases", **NEWEST)
    read = terraform.get(f"/apps/{id}/releases/{newest['id']}")
    assert (read["slug"]["id"], read["app"]["id"]) == (slug, id)


def test_what_is_not_there_is_refused_in_words(terraform: Provider, app: Make) -> None:
    id = app("terra-nos")
    line = terraform.ok("POST", "/pipelines", {"name": "terra-nos"})["id"]
    review = {"repo": "acme/shop", "automatic_review_apps": True, "destroy_stale_apps": True}
    addon = {"plan": "heroku-postgresql:essential-0", "confirm": "terra-nos"}
    space = {"name": "terra-space", "team": "setpoint", "shield": False}
    refused = terraform.refused
    assert "slug" in refused("POST", f"/apps/{id}/slugs", {"process_types": {"web": "x"}})
    assert "space" in refused("POST", "/spaces", space)
    assert "add-on" in refused("POST", f"/apps/{id}/addons", addon)
    assert "there is no GitHub" in refused("POST", f"/pipelines/{line}/review-app-config", review)
    assert "none to switch" in refused("PATCH", f"/apps/{id}/features/x", {"enabled": True})
    terraform.gone(f"/apps/{id}/features/x")
    staged = f"/pipelines/{line}/stage/production/config-vars"
    assert "config of its own" in refused("GET", staged)
    assert "config of its own" in refused("PATCH", staged, {"A": "1"})
    terraform.gone("/addons/01234567-89ab-cdef-0123-456789abcdef")


def test_team_collaborator(terraform: Provider, plane: Plane, app: Make) -> None:
    account(plane, "terra@example.com")
    people = f"/teams/apps/{app('terra-people')}/collaborators"
    said = {"user": "terra@example.com", "silent": True, "permissions": ["view", "deploy"]}
    made = terraform.ok("POST", people, said)
    own = f"{people}/{made['id']}"
    read = terraform.get(own)
    assert read["user"]["email"] == "terra@example.com"
    assert sorted(p["name"] for p in read["permissions"]) == ["deploy", "view"]

    again = terraform.ask("POST", people, said)
    assert "is already a collaborator on app" in again.json["message"].lower(), "then it lists them"
    listed = terraform.ok("GET", people, **BY_EMAIL)
    assert made["id"] in [one["id"] for one in listed]

    by_email = f"{people}/terra@example.com"
    told = terraform.ok("PATCH", by_email, {"permissions": ["view"]})
    assert [p["name"] for p in terraform.get(f"{people}/{told['id']}")["permissions"]] == ["view"]
    terraform.ok("DELETE", by_email)
    terraform.gone(own)
    assert "Couldn't find that user" in terraform.ask("GET", own).json["message"], "it forgets them"


def test_collaborator(terraform: Provider, plane: Plane, app: Make) -> None:
    account(plane, "terrier@example.com")
    people = f"/apps/{app('terra-friends')}/collaborators"
    made = terraform.ok("POST", people, {"user": "terrier@example.com", "silent": True})
    assert terraform.get(f"{people}/{made['id']}")["user"]["email"] == "terrier@example.com"
    terraform.ok("DELETE", f"{people}/terrier@example.com")
    terraform.gone(f"{people}/{made['id']}")


def test_team_member(terraform: Provider) -> None:
    members = "/teams/setpoint/members"
    email = "terra-member@example.com"

    def read() -> list[dict[str, Any]]:
        listed = terraform.ok("GET", members, **BY_EMAIL)
        return [one for one in listed if one["email"] == email]

    for role in ("member", "admin"):
        terraform.ok("PUT", members, {"email": email, "role": role, "federated": False})
        (one,) = read()
        assert (one["role"], one["federated"]) == (role, False)
    terraform.ok("DELETE", f"{members}/{email}")
    assert read() == []
