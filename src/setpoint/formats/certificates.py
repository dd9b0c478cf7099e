"""Certificates that somebody brings: read, held against each other, and what can be said of them.

Pure. The library is imported late: most of Setpoint's processes never look at a certificate.
"""

import re
import warnings
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from setpoint.model.errors import Invalid

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

PEM_BYTES_MAX = 64 * 1024
CHAIN_MAX = 10
RSA_BITS_MIN = 2048
CURVES = ("secp256r1", "secp384r1")
"""Of what a server may speak for itself with, what Envoy and every browser take."""
_BLOCK_RE = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \1-----", re.DOTALL)


class Pair(NamedTuple):
    """`pem`: the chain, the server's own certificate first, and then the key. `trusted`: by the
    roots that were given, for the first of its names."""

    pem: str
    names: tuple[str, ...]
    fingerprint: str
    issuer: str
    subject: str
    starts_at_s: float
    expires_at_s: float
    trusted: bool

    def __repr__(self) -> str:
        return f"Pair({self.fingerprint})"


def read(chain: str, key: str, now_s: float, roots: bytes, failing: str) -> Pair:
    """`failing`: 'cannot add a certificate to ...'. `roots`: PEM, b'' for none. Raises Invalid,
    with nothing of the key in it."""
    from cryptography.hazmat.primitives.hashes import SHA256

    found = _chain(chain, failing)
    private = _key(key, failing)
    _check_key(found, private, failing)
    _check_order(found, failing)
    own = found[0]
    starts_at_s = own.not_valid_before_utc.timestamp()
    expires_at_s = own.not_valid_after_utc.timestamp()
    if expires_at_s <= now_s:
        raise Invalid(f"{failing}: it expired on {own.not_valid_after_utc:%Y-%m-%d}", "renew it")
    if starts_at_s > now_s:
        raise Invalid(f"{failing}: it is not valid before {own.not_valid_before_utc:%Y-%m-%d}")
    names = _names(own, failing)
    return Pair(
        pem=_pem(found) + _key_pem(private),
        names=names,
        fingerprint=own.fingerprint(SHA256()).hex(),
        issuer=_told(own.issuer),
        subject=_told(own.subject),
        starts_at_s=starts_at_s,
        expires_at_s=expires_at_s,
        trusted=_trusted(found, names[0], now_s, roots),
    )


def split(pem: str) -> tuple[str, str]:
    """(the chain, the key) of what `read` put together."""
    at = pem.rfind("-----BEGIN PRIVATE KEY-----")
    return pem[:at], pem[at:]


def _chain(text: str, failing: str) -> "list[x509.Certificate]":
    from cryptography import x509

    if len(text) > PEM_BYTES_MAX:
        raise Invalid(f"{failing}: the chain is larger than {PEM_BYTES_MAX // 1024} KiB")
    kinds = [match[1] for match in _BLOCK_RE.finditer(text)]
    if any(kind.endswith("PRIVATE KEY") for kind in kinds):
        raise Invalid(f"{failing}: a private key is in the chain", "give it as the second file")
    if "CERTIFICATE" not in kinds:
        raise Invalid(f"{failing}: there is no certificate in it", "it begins -----BEGIN CERTI...")
    try:
        found = x509.load_pem_x509_certificates(text.encode())
        for certificate in found:
            _ = certificate.extensions  # read late otherwise, and then it may fail
    except ValueError as error:
        raise Invalid(f"{failing}: the chain cannot be read: {_first_line(error)}") from None
    if len(found) > CHAIN_MAX:
        raise Invalid(f"{failing}: the chain has {len(found)} certificates, at most {CHAIN_MAX}")
    return found


def _key(text: str, failing: str) -> "PrivateKeyTypes":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if len(text) > PEM_BYTES_MAX:
        raise Invalid(f"{failing}: the key is larger than {PEM_BYTES_MAX // 1024} KiB")
    try:
        key = load_pem_private_key(text.encode(), None)
    except TypeError:
        raise Invalid(
            f"{failing}: the key is protected by a passphrase",
            "take it off: openssl pkey -in site.key -out open.key",
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise Invalid(f"{failing}: the key cannot be read", "it is to be PEM") from None
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < RSA_BITS_MIN:
            raise Invalid(f"{failing}: its RSA key has {key.key_size} bits, {RSA_BITS_MIN} or more")
    elif not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name not in CURVES:
        raise Invalid(f"{failing}: its key is neither RSA nor on the curves P-256 and P-384")
    return key


def _check_key(chain: "list[x509.Certificate]", key: "PrivateKeyTypes", failing: str) -> None:
    public = _public(key.public_key())
    whose = [n for n, one in enumerate(chain) if _public(one.public_key()) == public]
    if not whose:
        raise Invalid(f"{failing}: the key is not the certificate's")
    if whose[0] != 0:
        raise Invalid(
            f"{failing}: the key is that of certificate {whose[0] + 1} in the chain",
            "put the server's own first, then whoever issued it, and so on",
        )


def _check_order(chain: "list[x509.Certificate]", failing: str) -> None:
    from cryptography.exceptions import InvalidSignature

    for n, (one, issuer) in enumerate(pairwise(chain), 1):
        try:
            one.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            raise Invalid(
                f"{failing}: certificate {n} of the chain was not issued by the one after it",
                "put the server's own first, then whoever issued it, and so on",
            ) from None


def _names(own: "x509.Certificate", failing: str) -> tuple[str, ...]:
    from cryptography import x509

    try:
        extension = own.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = extension.value.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        names = []
    if not names:
        raise Invalid(
            f"{failing}: it names no host", "browsers only read its subject alternative names"
        )
    return tuple(dict.fromkeys(name.lower() for name in names))


def _trusted(chain: "list[x509.Certificate]", name: str, now_s: float, roots: bytes) -> bool:
    """As far as one can tell without asking anybody."""
    from datetime import UTC, datetime

    from cryptography import x509
    from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

    host = name.replace("*", "any", 1)
    try:
        with warnings.catch_warnings():  # old roots bend rules that are asked of new ones
            warnings.simplefilter("ignore")
            store = Store(x509.load_pem_x509_certificates(roots))
        at = datetime.fromtimestamp(now_s, UTC)
        builder = PolicyBuilder().store(store).time(at)
        builder.build_server_verifier(x509.DNSName(host)).verify(chain[0], chain[1:])
    except (ValueError, VerificationError):
        return False
    return True


def _told(name: "x509.Name") -> str:
    """As `/C=DE/O=Shop/CN=www.example.com`, which is how Heroku tells it."""
    pairs = ((part.rfc4514_attribute_name, part.value) for part in name)
    text = "".join(f"/{key}={value}" for key, value in pairs)
    return "".join(c for c in text if c.isprintable())[:500]


def _public(key: object) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]


def _pem(chain: "list[x509.Certificate]") -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return "".join(one.public_bytes(Encoding.PEM).decode() for one in chain)


def _key_pem(key: "PrivateKeyTypes") -> str:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["not a certificate"])[0][:200]
