"""Log drains of a real Setpoint to real receivers on loopback, which the operator opened."""

import base64
import hmac
import json
import re
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.acceptance.plane import EXAMPLES, Plane, fresh_plane, until
from tests.support.https import Answer, Https, served

APP = "leaky"
SECRET = "hunter2hunter2"
LINES_RE = re.compile(r"<\d+>1 \S+ (\S+) (\S+) (\S+) - (.*)")


@dataclass
class Syslog:
    """Counts octets, as RFC 6587 says. `lines`: (host, source, dyno, text)."""

    context: ssl.SSLContext | None = None
    port: int = 0
    lines: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    visits: int = 0

    def __enter__(self) -> "Syslog":
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                link, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._visit, args=(link,), daemon=True).start()

    def _visit(self, link: socket.socket) -> None:
        try:
            spoken = self.context.wrap_socket(link, server_side=True) if self.context else link
            with spoken, spoken.makefile("rb") as heard:
                self.visits += 1
                while size := _octets(heard):
                    found = LINES_RE.fullmatch(heard.read(size).decode().removesuffix("\n"))
                    assert found is not None
                    self.lines.append(found.groups())
        except OSError:
            link.close()

    def of(self, dyno: str) -> list[str]:
        return [text for _, _, at, text in self.lines if at == dyno]


def _octets(heard: object) -> int:
    digits = b""
    while (one := heard.read(1)) and one != b" ":  # type: ignore[attr-defined]
        digits += one
    return int(digits) if digits else 0


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """The daemon, which is no root, reads whom to trust from it."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture(scope="module")
def web(folder: Path) -> Iterator[Https]:
    with served(folder) as site:
        yield site


@pytest.fixture(scope="module")
def draining(folder: Path, web: Https) -> Iterator[Plane]:
    """A Setpoint whose operator opened loopback and trusts the receivers' authority."""
    with fresh_plane(start=False) as plane:
        with pytest.MonkeyPatch.context() as patch:  # other planes are started by others
            patch.setenv("SETPOINT_OUTBOUND_ALLOW", "127.0.0.0/8 ::1/128")
            patch.setenv("SSL_CERT_FILE", str(web.authority))
            plane.up()
        plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", APP)
        yield plane


def ask(plane: Plane, *marks: str) -> None:
    for mark in marks:
        assert plane.get(APP, f"/?mark={mark}").status == 200


def marks(texts: list[str]) -> list[str]:
    """Of requests, in the order in which they were told of."""
    found = (re.search(r"\?mark=([\w-]+)", text) for text in texts)
    return [match[1] for match in found if match is not None]


def messages(web: Https) -> list[str]:
    """All that was posted, one message each."""
    found: list[str] = []
    for _, body in list(web.posted):
        rest = body
        while rest:
            size, _, rest = rest.partition(b" ")
            found.append(rest[: int(size)].decode().rstrip("\n"))
            rest = rest[int(size) :]
    return found


def _of_router(plane: Plane) -> list[str]:
    """What the log has of this test's requests."""
    kept = plane.ok("logs", APP, "-n", "1000", "-d", "router", "--json").out.splitlines()
    return [line["text"] for line in map(json.loads, kept) if "?mark=s" in line["text"]]


def _routed(web: Https) -> set[str]:
    return set(marks([text for text in messages(web) if "heroku router" in text]))


def told(plane: Plane) -> list[dict[str, object]]:
    return plane.ok("drains", APP, "--json").json


def only(plane: Plane, *urls: str) -> None:
    for drain in told(plane):
        plane.ok("drains", APP, "--remove", str(drain["token"]))
    for url in urls:
        plane.ok("drains", APP, "--add", url)


def test_syslog_receivers_get_each_line_once_over_tcp_and_tls(
    draining: Plane, folder: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "chain.pem")
    with Syslog() as plain, Syslog(context) as secure:
        only(draining, f"syslog://localhost:{plain.port}", f"syslog+tls://localhost:{secure.port}")
        tokens = [drain["token"] for drain in told(draining)]
        ask(draining, "s1", "s2", "s3")
        for receiver, token in zip((plain, secure), tokens, strict=True):
            until(lambda r=receiver: len(marks(r.of("router"))) >= 3, 30, "they came")
            assert {"s1", "s2", "s3"} == set(marks(receiver.of("router")))
            until(lambda r=receiver: len(marks(r.of("web.1"))) >= 3, 30, "the app's own came")
            assert {host for host, *_ in receiver.lines} == {token}
            # The edge may tell the log of a request twice; a drain tells what the log has.
            until(lambda r=receiver: r.of("router") == _of_router(draining), 30, "all of them")
            assert receiver.visits == 1
        until(lambda: all(d["state"] == "delivering" for d in told(draining)), 30, "it is told")
        only(draining)


def test_https_receivers_are_tried_again_and_nothing_is_lost_when_the_daemon_is_killed(
    draining: Plane, web: Https
) -> None:
    web.posted.clear()
    web.answers["/in"] = Answer(status=500)
    only(draining, f"https://me:{SECRET}@localhost:{web.port}/in")
    ask(draining, "h1", "h2")
    until(lambda: any(d["retries"] for d in told(draining)), 30, "it failed")
    shown = draining.ok("drains", APP).out
    assert re.search(r"retrying, 0 lines", shown)
    assert f"https://localhost:{web.port}: it answers 500" in shown
    assert messages(web)
    tried = {h["Logplex-Frame-Id"] for h, _ in web.posted}
    assert len(tried) == 1
    web.posted.clear()
    web.answers["/in"] = Answer(status=200)
    until(lambda: "h2" in marks(messages(web)), 30, "it was taken")
    headers, _ = web.posted[0]
    assert base64.b64decode(headers["Authorization"].split()[1]).decode() == f"me:{SECRET}"
    assert headers["Content-Type"] == "application/logplex-1"
    for number in range(6):
        ask(draining, f"k{number}-0", f"k{number}-1")
        if number % 2:
            killed = draining.kill("daemon")
            until(lambda pid=killed: draining.pid("daemon") != pid, 30, "another daemon")
    ask(draining, "last")
    until(lambda: _routed(web) >= {"last", "k5-1"}, 30, "all was sent")
    asked = {"h1", "h2", "last", *(f"k{n}-{m}" for n in range(6) for m in range(2))}
    assert _routed(web) == asked
    until(lambda: told(draining)[0]["state"] == "delivering", 30, "it is told")
    only(draining)


def test_a_password_is_nowhere_but_with_who_set_it(draining: Plane, web: Https) -> None:
    only(draining, f"https://me:{SECRET}@localhost:{web.port}/refused?key={SECRET}")
    ask(draining, "p1")
    until(lambda: told(draining)[0]["error"], 30, "it is refused")
    assert "answers 404" in str(told(draining)[0]["error"])
    draining.ok("why", APP)
    for log in (draining.data / "log").glob("*.log"):
        assert SECRET not in log.read_text(errors="replace"), log
    for words in (("why", APP), ("log", "-a", APP), ("status", APP), ("export", APP)):
        ran = draining.cli(*words)
        assert SECRET not in ran.out + ran.err, words
    assert SECRET in draining.ok("drains", APP).out
    for name in ("setpoint.sqlite3", "setpoint.sqlite3-wal"):
        stored = draining.data / "private" / name
        assert not stored.exists() or SECRET.encode() not in stored.read_bytes()
    only(draining)


def test_lines_that_a_receiver_refuses_are_told_to_be_missing(draining: Plane, web: Https) -> None:
    web.answers["/picky"] = Answer(status=400)
    only(draining, f"https://localhost:{web.port}/picky")
    ask(draining, "lost")
    until(lambda: told(draining)[0]["dropped"], 30, "it was dropped")
    web.answers["/picky"] = Answer(status=204)
    web.posted.clear()

    def taken() -> bool:
        ask(draining, "kept")
        return "kept" in marks(messages(web))

    until(taken, 60, "the next is taken")
    first = messages(web)[0]
    assert re.search(r"Error L10 \(output buffer overflow\): \d+ messages dropped since", first)
    own = draining.ok("logs", APP, "-n", "500", "-d", "logplex").out
    assert re.search(r"heroku\[logplex\]: Error L10 .* messages dropped since .*; drain d\.", own)
    only(draining)


def test_private_addresses_are_refused_where_nobody_opened_them(plane: Plane) -> None:
    plane.ok("create", "walled-drain")
    for url in ("syslog://127.0.0.1:514", "https://localhost/x", "syslog+tls://10.0.0.1:1"):
        refused = plane.cli("drains", "walled-drain", "--add", url)
        assert refused.code == 2
        assert "is not a public address" in refused.err
    plane.ok("destroy", "walled-drain", "--confirm", "walled-drain")


def test_webhooks_arrive_signed_and_survive_a_killed_daemon(draining: Plane, web: Https) -> None:
    web.posted.clear()
    web.answers["/hook"] = Answer(status=503)
    url = f"https://localhost:{web.port}/hook"
    include = "api:domain,api:app"
    words = ("--add", url, "--include", include, "--secret", SECRET)
    draining.ok("webhooks", APP, *words)
    draining.ok("domains", APP, "--add", "www.leaky.example")
    until(lambda: web.posted, 30, "it is tried")
    web.posted.clear()
    web.answers["/hook"] = Answer(status=200)
    killed = draining.kill("daemon")
    until(lambda: draining.pid("daemon") != killed, 30, "another daemon")
    until(lambda: web.posted, 60, "it is taken")
    headers, body = web.posted[0]
    signed = base64.b64encode(hmac.digest(SECRET.encode(), body, "sha256")).decode()
    assert headers["Heroku-Webhook-Hmac-SHA256"] == signed
    told = json.loads(body)
    assert (told["resource"], told["action"]) == ("domain", "create")
    assert told["data"]["hostname"] == "www.leaky.example"
    taken = lambda: draining.ok("webhooks", APP, "--deliveries").out  # noqa: E731
    until(lambda: re.search(r"api:domain +succeeded +\d attempts +200", taken()), 30, "it is kept")
    (hook,) = draining.ok("webhooks", APP, "--json").json
    draining.ok("webhooks", APP, "--remove", hook["id"])
