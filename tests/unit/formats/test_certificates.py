"""What somebody brings as a certificate, and what is wrong with it, so that one can mend it."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from setpoint.formats.certificates import read, split
from setpoint.model.app import covered
from setpoint.model.errors import Invalid
from tests.support.certificates import DAY_S, Issued, Issuer, pem

NOW_S = 1_795_000_000.0
FAILING = "cannot add a certificate to 'shop'"


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer(NOW_S)


def taken(issued: Issued, roots: str = ""):
    return read(issued.chain, issued.key, NOW_S, roots.encode(), FAILING)


def refused(chain: str, key: str) -> str:
    with pytest.raises(Invalid) as raised:
        read(chain, key, NOW_S, b"", FAILING)
    assert raised.value.message.startswith(f"{FAILING}: ")
    assert "PRIVATE KEY" not in f"{raised.value}"
    return raised.value.message


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["p256", "p384", "rsa"],
)
def test_what_is_brought_is_read_and_kept_as_it_is_served(issuer: Issuer, key) -> None:
    issued = issuer.issue("www.Example.com", "*.shop.example", key=key)
    found = taken(issued)
    assert found.names == ("www.example.com", "*.shop.example")
    assert split(found.pem) == (issued.chain, issued.key)
    assert (found.subject, found.issuer) == ("/CN=www.Example.com", "/CN=Nobody's authority")
    assert found.expires_at_s == NOW_S + 90 * DAY_S
    assert "PRIVATE" not in repr(found)


def test_it_is_trusted_by_those_roots_and_by_no_others(issuer: Issuer) -> None:
    issued = issuer.issue("www.example.com")
    assert taken(issued, issuer.root).trusted
    assert not taken(issued).trusted
    assert not taken(issued, Issuer(NOW_S).root).trusted


def test_a_wildcard_stands_for_one_label() -> None:
    names = ("*.shop.example", "www.example.com")
    assert [
        covered(names, host)
        for host in ("a.shop.example", "a.b.shop.example", "shop.example", "www.example.com")
    ] == [True, False, False, True]


def test_the_order_is_the_servers_own_first(issuer: Issuer) -> None:
    issued, other = issuer.issue("www.example.com"), Issuer(NOW_S)
    own, middle = (f"{part}-----END CERTIFICATE-----\n" for part in issued.chain.split(
        "-----END CERTIFICATE-----\n")[:2])  # fmt: skip
    assert "the key is that of certificate 2" in refused(middle + own, issued.key)
    astray = own + other.root
    assert "certificate 1 of the chain was not issued by the one after it" in refused(
        astray, issued.key
    )
    assert taken(Issued(own, issued.key)).names == ("www.example.com",)


def test_a_key_that_is_anothers_or_cannot_be_used_is_named(issuer: Issuer) -> None:
    issued = issuer.issue("www.example.com")
    key = ec.generate_private_key(ec.SECP256R1())
    assert "the key is not the certificate's" in refused(issued.chain, pem(key))
    assert "protected by a passphrase" in refused(issued.chain, pem(key, b"hush"))
    assert "the key cannot be read" in refused(issued.chain, "no key at all")
    assert "the key cannot be read" in refused(issued.chain, issued.chain)
    assert "a private key is in the chain" in refused(issued.chain + issued.key, issued.key)
    small = rsa.generate_private_key(65537, 1024)
    told = refused(issuer.issue("www.example.com", key=small).chain, pem(small))
    assert "its RSA key has 1024 bits" in told
    edwards = ed25519.Ed25519PrivateKey.generate()
    assert "neither RSA nor on the curves" in refused(issued.chain, pem(edwards))  # type: ignore[arg-type]


def test_what_is_no_certificate_is_told_as_such(issuer: Issuer) -> None:
    issued = issuer.issue("www.example.com")
    assert "there is no certificate in it" in refused("", issued.key)
    assert "there is no certificate in it" in refused("grüße", issued.key)
    broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    assert "the chain cannot be read" in refused(broken, issued.key)
    assert "larger than 64 KiB" in refused("x" * 70_000, issued.key)
    assert "at most 10" in refused(issued.chain * 6, issued.key)


def test_times_and_names_have_to_be_right(issuer: Issuer) -> None:
    old = issuer.issue("www.example.com", begins_days=-10, days=-1)
    assert "it expired on 2026-11-17" in refused(old.chain, old.key)
    early = issuer.issue("www.example.com", begins_days=5)
    assert "it is not valid before" in refused(early.chain, early.key)
    nameless = issuer.issue()
    assert "it names no host" in refused(nameless.chain, nameless.key)
