"""Certificates for tests, as an authority of nobody's issues them."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
DAY_S = 86_400.0
SERVER_AUTH = x509.oid.ExtendedKeyUsageOID.SERVER_AUTH


def pem(key: Key, passphrase: bytes = b"") -> str:
    sealed = (
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption()
    )
    how = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed)
    return key.private_bytes(*how).decode()


def _text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


@dataclass
class Issued:
    """`chain`: the server's own, then who issued it, as PEM."""

    chain: str
    key: str

    def written(self, folder: Path) -> tuple[str, str]:
        """Paths of the two files that a command takes."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "site.crt").write_text(self.chain)
        (folder / "site.key").write_text(self.key)
        return str(folder / "site.crt"), str(folder / "site.key")


class Issuer:
    """A root, and one authority below it that issues."""

    def __init__(self, now_s: float) -> None:
        self._now_s = now_s
        self._root_key = ec.generate_private_key(ec.SECP256R1())
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._root = self._authority("Nobody's root", self._root_key, None)
        self.middle = self._authority("Nobody's authority", self._key, self._root)
        self.root = _text(self._root)

    def issue(
        self,
        *names: str,
        days: float = 90,
        begins_days: float = -1,
        key: Key | None = None,
    ) -> Issued:
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, (*names, "none")[0])])
        builder = self._builder(subject, self.middle.subject, key, begins_days, days)
        builder = builder.add_extension(x509.BasicConstraints(False, None), critical=True)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
            critical=False,
        ).add_extension(x509.ExtendedKeyUsage([SERVER_AUTH]), critical=False)
        if names:
            hosts = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            builder = builder.add_extension(hosts, critical=False)
        own = builder.sign(self._key, hashes.SHA256())
        return Issued(_text(own) + _text(self.middle), pem(key))

    def _authority(self, called: str, key: Key, above: x509.Certificate | None) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, called)])
        issuer = above.subject if above is not None else name
        uses = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        return (
            self._builder(name, issuer, key, -2, 3650)
            .add_extension(x509.BasicConstraints(True, None), critical=True)
            .add_extension(uses, critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._root_key.public_key()),
                critical=False,
            )
            .sign(self._root_key, hashes.SHA256())
        )

    def _builder(
        self, subject: x509.Name, issuer: x509.Name, key: Key, begins_days: float, days: float
    ) -> x509.CertificateBuilder:
        now = dt.datetime.fromtimestamp(self._now_s, dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + dt.timedelta(days=begins_days))
            .not_valid_after(now + dt.timedelta(days=days))
        )
