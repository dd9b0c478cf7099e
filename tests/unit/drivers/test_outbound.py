"""The client for addresses that users choose, against a real https server on loopback."""

import io
import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from setpoint.drivers import outbound
from setpoint.drivers.outbound import Rules
from setpoint.model.errors import DriverError, Terminal, Transient
from tests.support.https import Answer, Https, served

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Https]:
    with served(tmp_path) as site:
        monkeypatch.setenv("SSL_CERT_FILE", str(site.authority))
        yield site


def fetched(url: str, bytes_max: int = 1000, allowed=LOOPBACK) -> bytes:
    into = io.BytesIO()
    outbound.fetch(url, into, Rules(allowed, bytes_max, 20.0))
    return into.getvalue()


def refusal(url: str, **more) -> DriverError:
    with pytest.raises((Terminal, Transient)) as failed:
        fetched(url, **more)
    return failed.value


def test_what_is_there_is_fetched_by_the_way_of_its_own_host(site: Https) -> None:
    site.answers["/a?b=1"] = Answer(b"hello")
    site.answers["/moved"] = Answer(status=302, headers={"Location": "/a?b=1"})
    assert fetched(site.url("/a?b=1")) == b"hello"
    assert fetched(site.url("/moved")) == b"hello"


def test_private_addresses_are_refused_unless_the_operator_opened_them(site: Https) -> None:
    for host in ("localhost", "127.0.0.1"):
        error = refusal(site.url("/a", host), allowed=())
        assert "is not a public address" in error.message
        assert "SETPOINT_OUTBOUND_ALLOW" in error.hint
    assert site.asked == []


@pytest.mark.parametrize(
    "address",
    [
        *("10.0.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1"),
        *("::1", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "::", "ff02::1"),
        *("64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::5db8:d70e", "::ffff:0:10.0.0.1"),
        *("2002:7f00:1::1", "2002:a00:1::", "fec0::1", "::10.0.0.1"),
        *("2001:0:5db8:d70e::f5ff:fffe", "2001:0:a00:1::a247:28f1"),
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not Rules((), 1, 1.0).permits(address)


def test_public_and_opened_addresses() -> None:
    assert Rules((), 1, 1.0).permits("93.184.215.14")
    for address in ("64:ff9b::93.184.215.14", "2606:4700::1"):
        assert Rules((), 1, 1.0).permits(address)
    opened = outbound.networks({outbound.ALLOW: "10.1.0.0/16, fd00::/8"})
    assert Rules(opened, 1, 1.0).permits("10.1.2.3")
    assert Rules(opened, 1, 1.0).permits("64:ff9b::10.1.2.3")
    assert not Rules(opened, 1, 1.0).permits("10.2.0.1")
    with pytest.raises(Terminal, match="SETPOINT_OUTBOUND_ALLOW"):
        outbound.networks({outbound.ALLOW: "everything"})


def test_nobody_is_led_to_another_host(site: Https) -> None:
    for there in ("https://example.com/x?token=1", "http://localhost/x", "file:///etc/passwd"):
        site.answers["/away"] = Answer(status=301, headers={"Location": there})
        error = refusal(site.url("/away"))
        assert "it leads to another host" in error.message
        assert "token" not in error.hint
    site.answers["/round"] = Answer(status=302, headers={"Location": "/round"})
    assert "leads on more than" in refusal(site.url("/round")).message


def test_size_is_bounded_with_and_without_a_length(site: Https) -> None:
    site.answers["/big"] = Answer(b"x" * 2_000_000)
    assert "it is over 1 MiB" in refusal(site.url("/big"), bytes_max=1024 * 1024).message


def test_time_is_bounded_however_slowly_an_answer_trickles() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(Transient, match=r"it takes over 0\.3 s"):
            outbound.fetch(f"https://127.0.0.1:{port}/x", io.BytesIO(), Rules(LOOPBACK, 9, 0.3))


def test_failures_are_told_apart(site: Https, monkeypatch: pytest.MonkeyPatch) -> None:
    site.answers["/busy"] = Answer(status=503)
    site.answers["/short"] = Answer(b"x", headers={"Content-Length": "10"})
    assert isinstance(refusal(site.url("/busy")), Transient)
    assert isinstance(refusal(site.url("/short")), Transient)
    assert isinstance(refusal(site.url("/none")), Terminal)
    assert isinstance(refusal("https://localhost:9/x"), Transient)
    assert isinstance(refusal("http://localhost/x"), Terminal)
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "certificate is not trusted" in refusal(site.url("/a")).message


def test_credentials_are_in_no_message() -> None:
    told = refusal("http://me:hunter2@localhost/x?token=abc")
    assert "hunter2" not in told.message + told.hint
    assert "abc" not in told.message


def send(url: str, allowed=LOOPBACK) -> None:
    outbound.post(url, b"hello", {"Setpoint-Delivery": "d1"}, Rules(allowed, 0, 20.0))


def test_what_is_sent_arrives_whole_with_its_headers(site: Https) -> None:
    site.answers["/hook?k=1"] = Answer(b"thanks", status=202)
    send(site.url("/hook?k=1"))
    ((headers, body),) = site.posted
    assert (body, headers["Setpoint-Delivery"]) == (b"hello", "d1")


def test_nothing_is_sent_to_a_private_address_unless_the_operator_opened_it(site: Https) -> None:
    for host in ("localhost", "127.0.0.1"):
        with pytest.raises(Terminal, match="is not a public address"):
            send(site.url("/hook", host), allowed=())
    with pytest.raises(Terminal, match="cannot send to http://localhost/x: it is no https"):
        send("http://localhost/x")
    assert site.posted == []


def test_a_name_that_leads_elsewhere_the_second_time_is_asked_once(
    site: Https, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judged and connected to is one address: a name server has no second chance to say another."""
    asked: list[str] = []

    def rebinding(host: str, port: int, **_: object):
        asked.append(host)
        address = "93.184.215.14" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    connected: list[str] = []

    def connect(where: tuple[str, int], *_: object) -> socket.socket:
        connected.append(where[0])
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(outbound.socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(outbound.socket, "create_connection", connect)
    with pytest.raises(Transient):
        send(site.url("/hook", "rebinding.example"), allowed=())
    assert (asked, connected) == (["rebinding.example"], ["93.184.215.14"])


@pytest.mark.parametrize(
    ("status", "kind"), [(503, Transient), (429, Transient), (404, Terminal), (302, Terminal)]
)
def test_what_is_not_taken_is_told_apart_and_followed_nowhere(
    site: Https, status: int, kind: type[DriverError]
) -> None:
    site.answers["/hook"] = Answer(status=status, headers={"Location": site.url("/away")})
    with pytest.raises(kind, match=f"cannot send to .*: it answers {status}"):
        send(site.url("/hook"))
    assert site.asked == ["/hook"]
