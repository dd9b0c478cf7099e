"""What a walk through Heroku's schema sends, where the schema's own examples name what is not here.

Some things are about others that nobody's route of the schema makes, or that are made in two steps:
a second app to promote to, a source that lies ready, an SSH key.
"""

import datetime as dt
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from setpoint.drivers import clock

DAYS = 90
FILES = {
    "Procfile": b"web: exec python3 -m http.server $PORT\n",
    "requirements.txt": b"",
    "app.json": json.dumps({"env": {"CONFORM": "yes"}}).encode(),
}
OF_TEAM, OF_SETUP = "-team", "-setup"
"""Ends of the names of its other apps."""


class World(Protocol):
    """What has been made so far. `name`: of its app; `person`: whom it lets in."""

    @property
    def name(self) -> str: ...
    @property
    def person(self) -> str: ...
    def known(self, definition: str) -> str: ...
    def uploaded(self) -> str: ...
    def call(self, method: str, path: str, body: object = None) -> Any: ...


def source() -> bytes:
    """A small web app's, packed."""
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w:gz") as tar:
        for name, content in FILES.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return into.getvalue()


def ssh_key() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    form = (serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(*form).decode()


def _certificate(world: World) -> dict[str, str]:
    """Issued by itself: it is kept, and told as what nobody trusts."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    host, key = f"www.{world.name}.example", ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = dt.datetime.fromtimestamp(clock.now(), dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    sealed = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {
        "certificate_chain": made.public_bytes(serialization.Encoding.PEM).decode(),
        "private_key": key.private_bytes(serialization.Encoding.PEM, *sealed).decode(),
    }


def _promotion(world: World) -> object:
    """To the app of the team, which is in the pipeline from now on."""
    target, pipeline = world.known("team-app"), world.known("pipeline")
    coupled = {"app": target, "pipeline": pipeline, "stage": "production"}
    world.call("POST", "/pipeline-couplings", coupled)
    return {
        "pipeline": {"id": pipeline},
        "source": {"app": {"id": world.known("app")}},
        "targets": [{"app": {"id": target}}],
    }


def _review(world: World) -> object:
    blob = {"url": world.uploaded(), "version": "v1"}
    return {"branch": "conform", "pipeline": world.known("pipeline"), "source_blob": blob}


def _reviewed(world: World) -> Mapping[str, str]:
    told = world.call("GET", f"/review-apps/{world.known('review-app')}")
    return {"app": told["app"]["id"]}


BODIES: dict[str, Callable[[World], object]] = {
    "POST /apps": lambda w: {"name": w.name, "region": "local"},
    "PATCH /apps/{app}": lambda _: {"maintenance": True},
    "PATCH /apps/{app}/config-vars": lambda _: {"CONFORM": "again"},
    "POST /apps/{app}/builds": lambda w: {"source_blob": {"url": w.uploaded(), "version": "v1"}},
    "POST /apps/{app}/domains": lambda w: {"hostname": f"www.{w.name}.example"},
    "POST /apps/{app}/log-drains": lambda _: {"url": "https://logs.example.com/in"},
    "POST /apps/{app}/webhooks": lambda _: {
        "include": ["api:formation"],
        "level": "notify",
        "url": "https://hooks.example.invalid/",
    },
    "PATCH /apps/{app}/webhooks/{app-webhook}": lambda _: {
        "include": ["api:formation", "api:app"],
        "level": "sync",
    },
    "POST /apps/{app}/dynos": lambda _: {"command": "sleep 60", "size": "Standard-1X"},
    "PATCH /apps/{app}/formation": lambda _: {"updates": [{"type": "web", "quantity": 1}]},
    "PATCH /apps/{app}/formation/{formation}": lambda _: {"quantity": 1, "size": "Standard-1X"},
    "POST /apps/{app}/releases": lambda _: {"release": "v1"},
    "POST /apps/{app}/log-sessions": lambda _: {"lines": 1},
    "PUT /apps/{app}/buildpack-installations": lambda _: {
        "updates": [{"buildpack": "https://example.com/pack.tgz"}]
    },
    "POST /oauth/authorizations": lambda w: {"description": w.name, "scope": ["read"]},
    "PATCH /oauth/authorizations/{oauth-authorization}": lambda w: {"description": f"{w.name}-2"},
    "PUT /teams/{team}/members": lambda w: {"email": w.person, "role": "member"},
    "PATCH /teams/{team}/members": lambda w: {"email": w.person, "role": "admin"},
    "POST /apps/{app}/collaborators": lambda w: {"user": w.person},
    "POST /teams/apps/{app}/collaborators": lambda w: {"user": w.person, "permissions": ["view"]},
    "PATCH /teams/apps/{team-app}/collaborators/{team-app-collaborator}": lambda _: {
        "permissions": ["view", "deploy"]
    },
    "POST /pipelines": lambda w: {"name": w.name},
    "PATCH /pipelines/{pipeline}": lambda w: {"name": f"{w.name}-2"},
    "POST /pipeline-couplings": lambda w: {
        "app": w.name,
        "pipeline": w.known("pipeline"),
        "stage": "staging",
    },
    "PATCH /pipeline-couplings/{pipeline-coupling}": lambda _: {"stage": "production"},
    "POST /teams/apps": lambda w: {"name": w.name + OF_TEAM},
    "POST /app-setups": lambda w: {
        "app": {"name": w.name + OF_SETUP},
        "source_blob": {"url": w.uploaded(), "version": "v1"},
    },
    "POST /review-apps": _review,
    "POST /pipeline-promotions": _promotion,
    "POST /pipeline-transfers": lambda w: {
        "pipeline": {"id": w.known("pipeline")},
        "new_owner": {"id": w.known("team-member"), "type": "user"},
    },
    "POST /apps/{app}/sni-endpoints": _certificate,
    "PATCH /apps/{app}/sni-endpoints/{sni-endpoint}": _certificate,
    "POST /filters/apps": lambda w: {"in": {"id": [w.known("app")]}},
}
"""By route, instead of the schema's examples."""

INSTEAD: dict[str, Callable[[World], Mapping[str, str]]] = {
    "GET /generations/{stack}": lambda _: {"stack": "cedar"},
    "POST /apps/{app}/dynos/{dyno}/actions/stop": lambda _: {"dyno": "web.1"},
    "POST /teams/apps/{app}/collaborators": lambda w: {"app": w.known("team-app")},
    "GET /apps/{app}/review-app": _reviewed,
}
"""By route, what identifies something, where the schema names another thing, it must live on, or
two would be at one."""
