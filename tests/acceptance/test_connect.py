"""Another machine's Setpoint, over `setpoint connect`: one that listens on another loopback address
stands for it. Heroku's own command line, which knows no other name than localhost, is the user."""

import contextlib
import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.acceptance.plane import SETPOINT, Plane, Ran, fresh_plane, until
from tests.support.heroku import PREPARED, Heroku, needs_heroku
from tests.support.repository import NOBODY, started

THERE = "127.0.0.2"


@dataclass
class Elsewhere:
    """Somebody's own machine: a folder, and a key of the other Setpoint, which is at `host`.
    `inside`: what each command is started with, there."""

    plane: Plane
    data: Path
    shown: list[str] = field(default_factory=list[str])
    host: str = THERE
    inside: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.plane.ports['tls']}"

    def env(self) -> dict[str, str]:
        key = (self.plane.data / "private" / "token").read_text().strip()
        return {**self.plane.env(), "SETPOINT_DATA": str(self.data), "SETPOINT_API_KEY": key}

    def run(self, *words: str) -> Ran:
        done = subprocess.run(
            [*self.inside, *SETPOINT, *words],
            env=self.env(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    @contextlib.contextmanager
    def connected(self, pin: str) -> Iterator[subprocess.Popen[str]]:
        words = ["connect", self.url, "--fingerprint", pin]
        child = subprocess.Popen(
            [*self.inside, *SETPOINT, *words],
            env=self.env(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        assert child.stderr is not None
        try:
            self.shown = [child.stdout.readline(), child.stdout.readline()]
            assert self.shown[1], child.stderr.read()
            yield child
        finally:
            child.kill()
            child.communicate()


@dataclass(frozen=True)
class Remote(Heroku):
    """Heroku's program, told where the connection is."""

    elsewhere: Elsewhere | None = None

    def env(self, more: Mapping[str, str] = {}) -> dict[str, str]:
        assert self.elsewhere is not None
        own = self.elsewhere.env()
        return super().env({k: own[k] for k in ("SETPOINT_DATA", "SETPOINT_API_KEY")} | dict(more))

    def argv(self, *words: str) -> list[str]:
        assert self.elsewhere is not None
        setpoint, said = shlex.join(SETPOINT), shlex.join(words)
        options = f"--token --connected {self.elsewhere.url}"
        return [
            *self.elsewhere.inside,
            "sh",
            "-c",
            PREPARED.format(setpoint=setpoint, options=options, said=said),
        ]


@pytest.fixture(scope="module")
def there() -> Iterator[Plane]:
    with fresh_plane("--tls-address", THERE) as running:
        yield running


@pytest.fixture(scope="module")
def pin(there: Plane) -> str:
    return there.ok("env", "--fingerprint").out.strip()


@pytest.fixture
def elsewhere(there: Plane, tmp_path: Path) -> Elsewhere:
    return Elsewhere(there, tmp_path / "mine")


def test_the_day_of_somebody_on_another_machine(
    there: Plane, elsewhere: Elsewhere, pin: str, tmp_path: Path
) -> None:
    needs_heroku()
    heroku = Remote(there, tmp_path / "home", elsewhere=elsewhere)
    heroku.home.mkdir()
    with elsewhere.connected(pin):
        assert "until Ctrl-C" in elsewhere.shown[0]
        assert "admin@setpoint.localhost" in heroku.ok("whoami")
        heroku.ok("create", "far-away")
        shop = started(heroku, tmp_path / "shop")
        shop.commit()
        heroku.ok("git:remote", "-a", "far-away", cwd=shop.folder)
        pushed = subprocess.run(
            heroku.argv("git", "push", "heroku", "main"),
            env=heroku.env(NOBODY),
            cwd=shop.folder,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert "Released v" in pushed.stderr, pushed.stderr
        assert there.get("far-away").status == 200
        assert "app[web.1]" in heroku.ok("logs", "-a", "far-away")
        ran = heroku.cli("run", "--exit-code", "-a", "far-away", "--", "sh", "-c", "exit 3")
        assert ran.code == 3, ran.err
        said = heroku.ok("run", "--no-tty", "-a", "far-away", "cat", stdin="over there")
        assert "over there" in said


def test_ctrl_c_ends_it_and_frees_its_ports(elsewhere: Elsewhere, there: Plane, pin: str) -> None:
    with elsewhere.connected(pin) as child:
        with socket.create_connection(("127.0.0.1", there.ports["tls"]), 10):
            child.send_signal(signal.SIGINT)
            _, err = child.communicate(timeout=30)
        assert (child.returncode, err) == (0, "")
    with elsewhere.connected(pin):
        assert "until Ctrl-C" in elsewhere.shown[0]


def test_nobody_is_trusted_without_or_with_another_fingerprint(
    elsewhere: Elsewhere, pin: str
) -> None:
    bare = elsewhere.run("connect", elsewhere.url)
    assert bare.code == 2
    assert pin in bare.err
    other = elsewhere.run("connect", elsewhere.url, "--fingerprint", "SHA256:" + "0" * 64)
    assert other.code == 2
    assert "another than was said" in other.err
    assert elsewhere.run("env", "--connected", elsewhere.url).code == 2


def test_what_is_not_there_or_no_setpoint_is_said_to_be_so(elsewhere: Elsewhere) -> None:
    gone = elsewhere.run("connect", "https://127.0.0.3:9", "--fingerprint", "x")
    assert gone.code == 1
    assert "nothing listens there" in gone.err
    api = elsewhere.plane.ports["api"]
    plain = elsewhere.run("connect", f"https://127.0.0.1:{api}", "--fingerprint", "x")
    assert plain.code == 1
    assert "no TLS is spoken there" in plain.err
    wrong = elsewhere.run("connect", "http://127.0.0.1:9")
    assert wrong.code == 2
    assert "it is no https URL" in wrong.err


def test_a_port_that_is_taken_here_is_named(elsewhere: Elsewhere, pin: str) -> None:
    with socket.socket() as mine:
        mine.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        mine.bind(("127.0.0.1", elsewhere.plane.ports["tls"]))
        mine.listen()
        taken = elsewhere.run("connect", elsewhere.url, "--fingerprint", pin)
    assert taken.code == 2
    assert f"cannot listen on port {elsewhere.plane.ports['tls']}" in taken.err
    assert "--port" in taken.err


def test_the_other_end_may_go_and_come_back(
    elsewhere: Elsewhere, there: Plane, pin: str, tmp_path: Path
) -> None:
    """Last, since it ends that plane for a while."""
    with elsewhere.connected(pin) as child:
        there.ok("down", "--keep-apps")
        with contextlib.suppress(ConnectionError):
            link = socket.create_connection(("127.0.0.1", there.ports["tls"]), 10)
            assert link.recv(1) == b""
            link.close()
        assert child.poll() is None
        there.up("--tls-address", THERE, "--tls-port", str(there.ports["tls"]))
        env = {
            **elsewhere.env(),
            "SETPOINT_URL": f"https://localhost:{there.ports['tls']}",
            "SSL_CERT_FILE": str(there.data / "tls" / "ca.pem"),
        }

        def answers() -> bool:
            done = subprocess.run([*SETPOINT, "apps"], env=env, capture_output=True, timeout=60)
            return done.returncode == 0

        until(answers, 60, "the other end answers again")
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=30)
        assert err.count("cannot reach 127.0.0.2") == 1
        assert os.waitstatus_to_exitcode(0) == child.returncode
