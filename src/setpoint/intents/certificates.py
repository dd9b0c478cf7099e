"""Certificates that an app's own hosts are served with: brought, renewed, taken away."""

from collections.abc import Mapping

import msgspec

from setpoint.formats import certificates
from setpoint.formats.certificates import Pair
from setpoint.intents import secrets
from setpoint.intents.door import Door, app_to, change
from setpoint.model.app import Certificate, SecretRef, Unit
from setpoint.model.change import Asked
from setpoint.policy import certificates as policy

ADD, ALTER, REMOVE = "add a certificate to", "alter a certificate of", "remove a certificate from"
BIND = "serve a domain of"
NUMBER_DIGITS = 5


class Brought(msgspec.Struct, frozen=True):
    """PEM, as somebody sent it. `roots`: whom this machine trusts."""

    chain: str
    key: str
    roots: bytes = b""

    def __repr__(self) -> str:
        return "Brought(...)"


async def add(door: Door, asked: Asked, app: str, brought: Brought) -> tuple[Unit, str]:
    """(the app, the certificate's name). It stands for no host until somebody says so."""
    unit = await app_to(door, asked, ADD, app)
    kept = unit.intent.certificates
    policy.check_count(unit.name, len(kept))
    pair = _read(asked, brought, f"cannot {ADD} '{unit.name}'")
    name = _new_name(door, kept)
    made = _certificate(pair, secrets.next_ref(door, None))
    told = f"Add certificate {name} ({', '.join(pair.names[:5])})"
    return await _set(door, asked, ADD, unit, {**kept, name: made}, told, {made.pem: pair}), name


async def update(door: Door, asked: Asked, app: str, name: str, brought: Brought) -> Unit:
    """The same hosts are served with it from the next handshake on."""
    unit = await app_to(door, asked, ALTER, app)
    failing = f"cannot {ALTER} '{unit.name}'"
    kept = unit.intent.certificates
    before = kept[policy.named(unit.name, kept, name, failing)]
    pair = _read(asked, brought, failing)
    policy.check_covers(pair.names, before.domains, failing)
    made = _certificate(pair, secrets.next_ref(door, before.pem), before.domains)
    told = f"Renew certificate {name}"
    return await _set(door, asked, ALTER, unit, {**kept, name: made}, told, {made.pem: pair})


async def remove(door: Door, asked: Asked, app: str, name: str) -> Unit:
    """Its hosts are answered without TLS from then on."""
    unit = await app_to(door, asked, REMOVE, app)
    kept = dict(unit.intent.certificates)
    del kept[policy.named(unit.name, kept, name, f"cannot {REMOVE} '{unit.name}'")]
    return await _set(door, asked, REMOVE, unit, kept, f"Remove certificate {name}")


async def bind(door: Door, asked: Asked, app: str, host: str, name: str | None) -> Unit:
    """`host`: one of the app's. `name`: of a certificate that is for it; None: without TLS."""
    unit = await app_to(door, asked, BIND, app)
    kept = unit.intent.certificates
    failing = f"cannot {BIND} '{unit.name}'"
    if name is not None:
        policy.check_covers(
            kept[policy.named(unit.name, kept, name, failing)].names, (host,), failing
        )
    after = policy.bound(kept, host, name)
    if after == kept:
        return unit
    how = f"with certificate {name}" if name is not None else "without a certificate"
    return await _set(door, asked, BIND, unit, after, f"Serve {host} {how}")


def _read(asked: Asked, brought: Brought, failing: str) -> Pair:
    return certificates.read(brought.chain, brought.key, asked.at_s, brought.roots, failing)


def _certificate(pair: Pair, ref: SecretRef, domains: tuple[str, ...] = ()) -> Certificate:
    return Certificate(
        pem=ref,
        names=pair.names,
        fingerprint=pair.fingerprint,
        issuer=pair.issuer,
        subject=pair.subject,
        starts_at_s=pair.starts_at_s,
        expires_at_s=pair.expires_at_s,
        trusted=pair.trusted,
        domains=domains,
    )


def _new_name(door: Door, kept: Mapping[str, Certificate]) -> str:
    while True:
        number = int(door.new_id().replace("-", "")[-12:], 16) % 10**NUMBER_DIGITS
        if (name := f"cert-{number:0{NUMBER_DIGITS}}") not in kept:
            return name


async def _set(
    door: Door,
    asked: Asked,
    verb: str,
    unit: Unit,
    after: Mapping[str, Certificate],
    told: str,
    fresh: Mapping[SecretRef, Pair] = {},
) -> Unit:
    intent = msgspec.structs.replace(unit.intent, certificates=dict(after))
    sealed = {ref.key: pair.pem for ref, pair in fresh.items()}
    return await change(door, asked, verb, told, unit, intent, sealed)
