"""Certificates for the hosts of the simulated world: made of numbers, so the same in every run."""

import datetime as dt
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from setpoint.intents.certificates import Brought
from setpoint.testing.loop import START_S

DAY_S = 86_400.0
DAYS = (0.4, 90.0)
"""How long they live on: every other is due for renewal all the time."""
SERIALS = 4


@cache
def certificate(hosts: tuple[str, ...], serial: int) -> Brought:
    """For these hosts. `serial`: below SERIALS; another one is another certificate and key."""
    key = ec.derive_private_key(1_000_003 * (serial + 1), ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, hosts[0])])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), serial + 1)
        .not_valid_before(_when(START_S - DAY_S))
        .not_valid_after(_when(START_S + DAYS[serial % len(DAYS)] * DAY_S))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(h) for h in hosts]), False)
        .sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    )
    return Brought(made.public_bytes(serialization.Encoding.PEM).decode(), _private(key))


@cache
def keys() -> tuple[str, ...]:
    """A line of each private key: it stands nowhere but in the store's secrets and at the edge."""
    brought = (certificate(("any.example",), serial) for serial in range(SERIALS))
    return tuple(one.key.splitlines()[2] for one in brought)


def _private(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _when(at_s: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(at_s, dt.UTC)
