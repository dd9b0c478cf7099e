"""The edge's certificate authority, as its callers' libraries see it."""

import datetime as dt
import ipaddress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from setpoint.drivers.authority import LEAF_DAYS, Authority, covers
from setpoint.drivers.envoy.certificates import RENEW_AFTER_S, Certificates
from setpoint.drivers.envoy.snapshot import Snapshot
from setpoint.drivers.envoy.table import Table
from setpoint.drivers.envoy.wire import pack
from setpoint.formats.control import SetRoute
from setpoint.formats.envoy.limits import Limits
from setpoint.formats.envoy.resource import Kind
from setpoint.model.ids import AppId, Fence
from setpoint.model.route import Backend, Route

NOW_S = 1_795_000_000.0


def authority(folder: Path) -> Authority:
    made = Authority(folder, lambda: NOW_S)
    made.ensure()
    return made


def test_it_may_speak_for_localhost_alone_and_its_key_is_its_own(tmp_path: Path) -> None:
    authority(tmp_path)
    certificate = x509.load_pem_x509_certificate((tmp_path / "ca.pem").read_bytes())
    constraint = certificate.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraint.critical
    assert constraint.value.permitted_subtrees == [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_network("127.0.0.1/32")),
    ]
    basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (basic.ca, basic.path_length) == (True, 0)
    assert (tmp_path / "ca.key").stat().st_mode & 0o777 == 0o600


def test_the_next_agent_takes_the_same_one(tmp_path: Path) -> None:
    authority(tmp_path)
    before = (tmp_path / "ca.pem").read_bytes(), (tmp_path / "ca.key").read_bytes()
    leaf, _ = authority(tmp_path).leaf("shop.localhost")
    assert before == ((tmp_path / "ca.pem").read_bytes(), (tmp_path / "ca.key").read_bytes())
    issuer = x509.load_pem_x509_certificate(before[0])
    x509.load_pem_x509_certificate(leaf).verify_directly_issued_by(issuer)


def test_one_that_was_left_half_made_is_made_again(tmp_path: Path) -> None:
    authority(tmp_path)
    (tmp_path / "ca.pem").unlink()
    leaf, _ = authority(tmp_path).leaf("shop.localhost")
    issuer = x509.load_pem_x509_certificate((tmp_path / "ca.pem").read_bytes())
    x509.load_pem_x509_certificate(leaf).verify_directly_issued_by(issuer)


def test_a_leaf_is_for_one_host_and_for_a_while(tmp_path: Path) -> None:
    certificate, key = authority(tmp_path).leaf("shop.localhost")
    leaf = x509.load_pem_x509_certificate(certificate)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["shop.localhost"]
    assert leaf.not_valid_after_utc.timestamp() == NOW_S + dt.timedelta(LEAF_DAYS).total_seconds()
    assert load_pem_private_key(key, None).public_key() == leaf.public_key()


def test_which_hosts_it_covers() -> None:
    hosts = ("localhost", "shop.localhost", "localhost.example", "notlocalhost")
    assert [covers(h) for h in hosts] == [True, True, False, False]


def test_an_authority_that_cannot_be_read_costs_tls_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authority(tmp_path)
    (tmp_path / "ca.key").write_text("nonsense")
    table = Table(Snapshot(pack), Limits())
    kept = Certificates(Authority(tmp_path, lambda: NOW_S), table, lambda: NOW_S)
    backend = Backend(("shop.localhost",), "web", "web", None)
    table.set_route(SetRoute(Route(AppId("a"), "shop", (backend,), Fence(1, 1))))
    assert kept.make(["shop.localhost"]) == set()
    assert "cannot make a certificate for shop.localhost" in caplog.text


def test_certificates_come_when_asked_for_and_go_with_their_hosts(tmp_path: Path) -> None:
    now_s = [NOW_S]
    table = Table(Snapshot(pack), Limits())
    kept = Certificates(Authority(tmp_path, lambda: now_s[0]), table, lambda: now_s[0])
    kept.begin()
    backend = Backend(("shop.localhost", "shop.example"), "web", "web", None)
    changed = table.set_route(SetRoute(Route(AppId("a"), "shop", (backend,), Fence(1, 1))))
    assert kept.drop(changed) == set()
    mine = {(Kind.SECRET, "shop.localhost")}
    assert kept.make(["shop.localhost", "shop.example", "nobody.localhost"]) == mine
    assert kept.make(["shop.localhost"]) == set()
    assert kept.renew() == set()
    now_s[0] += RENEW_AFTER_S + 1
    assert kept.renew() == mine
    now_s[0] -= RENEW_AFTER_S
    assert kept.renew() == mine, "made by a clock that was ahead, it is not good yet"
    assert kept.renew() == set()
    elsewhere = Backend(("other.localhost",), "web", "web", None)
    changed = table.set_route(SetRoute(Route(AppId("a"), "shop", (elsewhere,), Fence(1, 2))))
    assert kept.drop(changed) == mine
    assert table.snapshot.items[Kind.SECRET] == {}
