"""A digest that is sent: from a real Setpoint to a real https address, signed, and once."""

import hashlib
import hmac
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.plane import fresh_plane
from tests.support.https import Answer, served
from tests.support.waiting import until

SECRET = "a-secret-of-some-length"


def environ(pid: int) -> str:
    return Path(f"/proc/{pid}/environ").read_text(errors="replace")


@pytest.fixture
def readable() -> Iterator[Path]:
    """The daemon, which is no root, reads whom to trust from it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_digest_arrives_signed_and_a_private_address_is_refused(
    readable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SETPOINT_DIGEST_SECRET", SECRET)
    monkeypatch.setenv("SETPOINT_DIGEST_FOR", "admin@setpoint.localhost")
    with served(readable) as site, fresh_plane(start=False) as plane:
        site.answers["/hook"] = Answer(status=204)
        monkeypatch.setenv("SSL_CERT_FILE", str(site.authority))
        monkeypatch.setenv("SETPOINT_DIGEST_URL", "http://localhost/hook")
        refused = plane.cli("up", "--detach")
        assert refused.code == 2
        assert "SETPOINT_DIGEST_URL is no https address" in refused.err

        monkeypatch.setenv("SETPOINT_DIGEST_URL", site.url("/hook"))
        plane.up()
        plane.ok("create", "noted", "-m", "the fair has a second shop")
        told = {name: environ(plane.pid(name)) for name in ("daemon", "supervisor", "edge_agent")}
        assert {name for name, env in told.items() if SECRET in env} == {"daemon"}
        plane.kill("daemon")  # it looks as it starts, and every ten minutes
        log = plane.data / "log" / "daemon.log"
        until(lambda: "digest.refused" in log.read_text(), what="it is refused")
        assert "is not a public address" in log.read_text()
        assert site.posted == []

        plane.ok("down")
        monkeypatch.setenv("SETPOINT_OUTBOUND_ALLOW", "127.0.0.0/8 ::1/128")
        plane.up()
        until(lambda: site.posted, what="it is sent")
        until(lambda: "digest.sent" in log.read_text(), what="it is written down")
        ((headers, body),) = site.posted
        assert SECRET not in log.read_text()
    at, _, signature = headers["Setpoint-Signature"].partition(",v1=")
    content = f"{at.removeprefix('t=')}.".encode() + body
    assert signature == hmac.new(SECRET.encode(), content, hashlib.sha256).hexdigest()
    assert "the fair has a second shop" in json.loads(body)["text"]
