"""Where a log may be sent, and what is said to whoever asks for more. Never what was said."""

import ipaddress

import pytest

from setpoint.model.errors import Invalid, OverLimit, Refused
from setpoint.model.target import target, telling
from setpoint.policy import sending
from setpoint.policy.addresses import refused

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
SECRET = "hunter2hunter2"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:hunter2@logs.example.com/in?key=k1", "https://logs.example.com"),
        ("https://logs.example.com:8443", "https://logs.example.com:8443"),
        ("syslog://logs.example.com", "syslog://logs.example.com"),
        ("syslog://logs.example.com:12345/", "syslog://logs.example.com:12345"),
        ("syslog+tls://logs.example.com:6514", "syslog+tls://logs.example.com"),
        ("https://[2606:4700::1]:8443/x", "https://[2606:4700::1]:8443"),
    ],
)
def test_of_an_address_its_host_may_be_shown(url: str, shown: str) -> None:
    assert sending.drain("shop", url, 0, ()).shown == shown


@pytest.mark.parametrize(
    "url",
    [
        *("", "logs.example.com", "http://logs.example.com/x", "ftp://a.example", "https://"),
        *("https:///x", "https://a.example:99999/", "https://a.example:x/", "https://[::1/x"),
        *(
            "https://a.example/#f",
            "https://a.example/ x",
            "https://a.example/\n",
            "https://ä.example",
        ),
        *("syslog://a.example/path", "syslog+tls://me:pw@a.example:1", "file:///etc/passwd"),
        "https://a.example/" + "x" * 2000,
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(Invalid) as failed:
        sending.drain("shop", url, 0, ())
    assert failed.value.message.startswith("cannot add a log drain to 'shop': ")
    assert len(url) < 9 or url not in str(failed.value)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "10.1.2.3", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1"),
        *("[::1]", "[fe80::1]", "[fc00::1]", "[::ffff:127.0.0.1]", "[64:ff9b::10.0.0.1]"),
        *("localhost", "LOCALHOST.", "shop.localhost"),
    ],
)
@pytest.mark.parametrize("scheme", sending.DRAIN_SCHEMES)
def test_private_addresses_are_refused_at_the_door(host: str, scheme: str) -> None:
    with pytest.raises(Invalid, match="is not a public address") as failed:
        sending.drain("shop", f"{scheme}://{host}:1", 0, ())
    assert "SETPOINT_OUTBOUND_ALLOW" in failed.value.hint


def test_the_operator_may_open_networks() -> None:
    for host in ("127.0.0.1", "localhost", "[::1]"):
        assert sending.drain("shop", f"https://{host}/x", 0, LOOPBACK).host
    assert refused("10.0.0.1", LOOPBACK)
    assert not refused("logs.example.com", ())


def test_there_are_only_so_many() -> None:
    with pytest.raises(OverLimit, match="it has 10, at most 10 are allowed"):
        sending.drain("shop", "https://a.example/", 10, ())


def test_a_refusal_never_tells_a_password() -> None:
    for url in (
        f"http://me:{SECRET}@a.example/?k={SECRET}",
        f"https://me:{SECRET}@127.0.0.1/?k={SECRET}",
        f"syslog://me:{SECRET}@a.example",
        f"https://me:{SECRET}@a.example:x/",
    ):
        with pytest.raises(Refused) as failed:
            sending.drain("shop", url, 0, ())
        assert SECRET not in str(failed.value)


def test_each_part_of_an_address_that_tells_is_a_secret() -> None:
    found = telling(("https://me:p%40ss@a.example/in?key=k1&b=2", "plain"))
    assert {"me", "p%40ss", "p@ss", "k1", "2", "plain"} <= set(found)
    assert "a.example" not in found


def test_what_is_sent_as_basic_auth_is_decoded() -> None:
    to = target("https://me:p%40ss@a.example/in?key=k1")
    assert (to.user, to.password, to.path, to.port) == ("me", "p@ss", "/in?key=k1", 443)
