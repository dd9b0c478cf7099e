"""`heroku certs`: one's own domain over TLS, through the real edge, with what was brought."""

import http.client
import os
import re
import signal
import socket
import ssl
import time
from pathlib import Path

import pytest

from tests.acceptance.plane import EXAMPLES, Plane, until
from tests.support.certificates import Issuer
from tests.support.heroku import Heroku, needs_heroku

APP = "sealed-shop"
HOST, OTHER = f"www.{APP}.example", f"api.{APP}.example"
ISSUER = Issuer(time.time())


@pytest.fixture(scope="module")
def heroku(plane: Plane, tmp_path_factory: pytest.TempPathFactory) -> Heroku:
    needs_heroku()
    plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", APP)
    return Heroku(plane, tmp_path_factory.mktemp("certs"))


class Connection(http.client.HTTPConnection):
    """To the edge over TLS, greeted with a name that no DNS knows, by who trusts `ISSUER` alone."""

    def __init__(self, plane: Plane, host: str, root: str = ISSUER.root) -> None:
        super().__init__(host)
        self._port, self._root = plane.ports["edge"], root

    def connect(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self._root)
        plain = socket.create_connection(("127.0.0.1", self._port), timeout=30)
        self.sock = context.wrap_socket(plain, server_hostname=self.host)

    @property
    def serial(self) -> str:
        assert isinstance(self.sock, ssl.SSLSocket)
        return str((self.sock.getpeercert() or {})["serialNumber"])

    def status(self) -> int:
        self.request("GET", "/")
        answer = self.getresponse()
        answer.read()
        return answer.status


def serial(plane: Plane, host: str = HOST, root: str = ISSUER.root) -> str:
    """Of what is shown for that host; '' where the connection is refused."""
    connection = Connection(plane, host, root)
    try:
        return connection.serial if connection.status() == 200 else ""
    except ssl.SSLError:
        return ""
    finally:
        connection.close()


def test_a_domain_is_served_with_ones_own_certificate_and_it_is_renewed(
    plane: Plane, heroku: Heroku, tmp_path: Path
) -> None:
    crt, key = ISSUER.issue(HOST, OTHER).written(tmp_path / "old")
    assert "has no SSL certificates" in heroku.ok("certs", "-a", APP)
    told = heroku.ok("certs:add", crt, key, "-a", APP)
    assert re.search(rf"Common Name\(s\):\s+{HOST}", told)
    assert "SSL certificate is not trusted." in told
    listed = heroku.ok("certs", "-a", APP)
    (name,) = re.findall(r"cert-\d{5}", listed)
    heroku.ok("domains:add", HOST, "--cert", name, "-a", APP)
    heroku.ok("domains:wait", HOST, "-a", APP)
    until(lambda: serial(plane), 30, "it is served")
    assert name in heroku.ok("domains", "-a", APP)
    heroku.ok("domains:add", OTHER, "--cert", name, "-a", APP)
    assert HOST in heroku.ok("certs:info", "--show-domains", "-a", APP)
    kept = Connection(plane, HOST)
    assert kept.status() == 200
    before = kept.serial
    crt, key = ISSUER.issue(HOST, OTHER).written(tmp_path / "new")
    heroku.ok("certs:update", crt, key, "-a", APP, "--confirm", APP)
    until(lambda: serial(plane) not in ("", before), 30, "the new one is shown")
    assert (kept.status(), kept.serial) == (200, before)
    kept.close()


def test_it_is_served_while_the_daemon_is_away(plane: Plane, heroku: Heroku) -> None:
    (daemon,) = (p["pid"] for p in plane.api("GET", "/v1/status").json["plane"]["processes"]
                 if p["name"] == "daemon")  # fmt: skip
    os.kill(daemon, signal.SIGSTOP)
    try:
        assert serial(plane)
        assert serial(plane, OTHER)
    finally:
        os.kill(daemon, signal.SIGCONT)


def test_a_wrong_one_is_refused_with_what_is_wrong(
    plane: Plane, heroku: Heroku, tmp_path: Path
) -> None:
    crt, _ = ISSUER.issue(HOST).written(tmp_path / "one")
    _, key = ISSUER.issue(HOST).written(tmp_path / "two")
    refused = heroku.cli("certs:add", crt, key, "-a", APP)
    said = re.sub(r"\s+(›\s+)?", " ", refused.err)
    assert "the key is not the certificate's" in said
    assert refused.code != 0
    crt, key = ISSUER.issue("www.elsewhere.example").written(tmp_path / "three")
    refused = heroku.cli("certs:update", crt, key, "-a", APP, "--confirm", APP)
    assert "it is for www.elsewhere.example, and not for" in re.sub(r"\s+(›\s+)?", " ", refused.err)
    assert serial(plane)


def test_one_that_ends_soon_is_told_in_status(plane: Plane, heroku: Heroku, tmp_path: Path) -> None:
    crt, key = ISSUER.issue(HOST, OTHER, days=5.5, begins_days=-60).written(tmp_path)
    heroku.ok("certs:update", crt, key, "-a", APP, "--confirm", APP)
    until(lambda: "expires in 5 days" in plane.cli("status", APP).out, 30, "status says so")
    assert "heroku certs:update CRT KEY" in plane.cli("gaps", APP).out
    assert serial(plane)


def test_one_is_generated_and_another_taken_away(
    plane: Plane, heroku: Heroku, tmp_path: Path
) -> None:
    told = heroku.ok("certs:generate", HOST, "--selfsigned", "--now", "-a", APP, cwd=tmp_path)
    assert f"{HOST}.crt" in told
    (name,) = re.findall(r"cert-\d{5}", heroku.ok("certs", "-a", APP))
    heroku.ok("certs:remove", "--name", name, "-a", APP, "--confirm", APP)
    until(lambda: not serial(plane), 30, "it is gone")
    assert plane.get(APP, headers={"Host": HOST}).status == 200
    assert "has no SSL certificates" in heroku.ok("certs", "-a", APP)
