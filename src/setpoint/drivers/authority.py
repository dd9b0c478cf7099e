"""A certificate authority of this machine's own: for localhost and what is below it, by constraint.

The edge's agent has one, the API's daemon another; each key is its process's alone. The library is
imported late: it costs more than all else here, and most edges never speak TLS.
"""

import datetime as dt
import ipaddress
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from setpoint.drivers.local.files import write_whole

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

DOMAIN = "localhost"
AUTHORITY_DAYS, LEAF_DAYS = 3650, 90
LOOPBACK = ipaddress.ip_network("127.0.0.1/32")
EARLIER_DAYS = 1
"""Valid since then: clocks differ."""


def covers(host: str) -> bool:
    return host == DOMAIN or host.endswith(f".{DOMAIN}")


class Authority:
    """`ca.pem` is for callers to trust and for all to read, `ca.key` is 0600. `now_s`: unix
    seconds. `name`: as whoever looks at the certificate reads it."""

    def __init__(
        self,
        folder: Path,
        now_s: Callable[[], float],
        name: str = "Setpoint's edge on this machine",
    ) -> None:
        self._certificate = folder / "ca.pem"
        self._key = folder / "ca.key"
        self._now_s = now_s
        self._name = name
        self._issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None = None

    def ensure(self) -> None:
        """There is one from now on. The certificate is written last: without it both are made."""
        if not self._certificate.exists():
            key, certificate = self._made()
            write_whole(self._key, key, durable=True)
            write_whole(self._certificate, certificate, durable=True)
            self._certificate.chmod(0o644)  # whatever the umask

    def leaf(self, host: str, *, by_address: bool = False) -> tuple[bytes, bytes]:
        """(certificate, key) for exactly this host, as PEM. `by_address`: for 127.0.0.1 too."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID

        issuer, signer = self._loaded()
        key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [x509.DNSName(host)]
        if by_address:
            names.append(x509.IPAddress(LOOPBACK.network_address))
        made = (
            self._builder(x509.Name([]), issuer.subject, key.public_key(), LEAF_DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
                critical=False,
            )
            .sign(signer, hashes.SHA256())
        )
        return _pem(made), _key_pem(key)

    def _made(self) -> tuple[bytes, bytes]:
        """(key, certificate) of a new authority, as PEM."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, self._name)])
        permitted = [x509.DNSName(DOMAIN), x509.IPAddress(LOOPBACK)]
        made = (
            self._builder(name, name, key.public_key(), AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_signs_only(), critical=True)
            .add_extension(x509.NameConstraints(permitted, None), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        return _key_pem(key), _pem(made)

    def _loaded(self) -> "tuple[x509.Certificate, ec.EllipticCurvePrivateKey]":
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        if self._issuer is None:
            key = load_pem_private_key(self._key.read_bytes(), None)
            assert isinstance(key, ec.EllipticCurvePrivateKey)
            self._issuer = x509.load_pem_x509_certificate(self._certificate.read_bytes()), key
        return self._issuer

    def _builder(
        self,
        subject: "x509.Name",
        issuer: "x509.Name",
        public: "ec.EllipticCurvePublicKey",
        days: int,
    ) -> "x509.CertificateBuilder":
        from cryptography import x509

        now = dt.datetime.fromtimestamp(self._now_s(), dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=EARLIER_DAYS))
            .not_valid_after(now + dt.timedelta(days=days))
        )


def _signs_only() -> "x509.KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: "x509.Certificate") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def _key_pem(key: "ec.EllipticCurvePrivateKey") -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
