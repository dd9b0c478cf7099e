"""Another machine's Setpoint, seen over the network alone: who uses it is in a network of their
own, with a loopback of their own, and one cable to where Setpoint runs."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.plane import SETPOINT, Plane, fresh_plane, until
from tests.acceptance.test_connect import Elsewhere, Remote
from tests.support.heroku import needs_heroku
from tests.support.repository import NOBODY, started

THERE, HERE = "10.213.7.1", "10.213.7.2"


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def network() -> Iterator[tuple[str, ...]]:
    """What a command is started with to be in it."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("needs root, and iproute2, for a network of its own")
    name, cable = f"setpoint-{os.getpid()}", f"sp{os.getpid() % 10**9}"
    try:
        _ip("netns", "add", name)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"needs a network of its own: {error.stderr.strip()}")
    inside = ("netns", "exec", name, "ip")
    try:
        _ip("link", "add", cable, "type", "veth", "peer", "name", "cable", "netns", name)
        _ip("address", "add", f"{THERE}/30", "dev", cable)
        _ip("link", "set", cable, "up")
        _ip(*inside, "address", "add", f"{HERE}/30", "dev", "cable")
        _ip(*inside, "link", "set", "cable", "up")
        _ip(*inside, "link", "set", "lo", "up")
        yield ("ip", "netns", "exec", name)
    finally:
        _ip("netns", "delete", name)


@pytest.fixture(scope="module")
def there(network: tuple[str, ...]) -> Iterator[Plane]:
    with fresh_plane("--tls-address", THERE) as running:
        yield running


@pytest.fixture
def elsewhere(there: Plane, network: tuple[str, ...], tmp_path: Path) -> Elsewhere:
    return Elsewhere(there, tmp_path / "mine", host=THERE, inside=network)


def reaches(elsewhere: Elsewhere, host: str, port: int) -> bool:
    asks = f"import socket; socket.create_connection(({host!r}, {port}), 5)"
    done = subprocess.run([*elsewhere.inside, SETPOINT[0], "-c", asks], capture_output=True)
    return done.returncode == 0


def test_only_what_speaks_tls_is_reached_from_there(there: Plane, elsewhere: Elsewhere) -> None:
    ports = there.ports
    assert reaches(elsewhere, THERE, ports["tls"])
    for host in (THERE, "127.0.0.1"):
        for kind in ("api", "edge"):
            assert not reaches(elsewhere, host, ports[kind])
    assert not reaches(elsewhere, "127.0.0.1", ports["tls"])


def test_the_day_of_somebody_over_the_network(
    there: Plane, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    needs_heroku()
    heroku = Remote(there, tmp_path / "home", elsewhere=elsewhere)
    heroku.home.mkdir()
    pin = there.ok("env", "--fingerprint").out.strip()
    with elsewhere.connected(pin):
        assert "admin@setpoint.localhost" in heroku.ok("whoami")
        heroku.ok("create", "overseas")
        shop = started(heroku, tmp_path / "shop")
        shop.commit()
        heroku.ok("git:remote", "-a", "overseas", cwd=shop.folder)
        pushed = subprocess.run(
            heroku.argv("git", "push", "heroku", "main"),
            env=heroku.env(NOBODY),
            cwd=shop.folder,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert "Released v" in pushed.stderr, pushed.stderr
        assert there.get("overseas").status == 200
        assert "app[web.1]" in heroku.ok("logs", "-a", "overseas")
        follows_the_log(there, heroku)
        ran = heroku.cli("run", "--exit-code", "-a", "overseas", "--", "sh", "-c", "exit 3")
        assert ran.code == 3, ran.err
        said = heroku.ok("run", "--no-tty", "-a", "overseas", "cat", stdin="over the sea")
        assert "over the sea" in said
        code, shown = heroku.typed(
            ["run", "-a", "overseas", "--", "sh", "-c", "echo ready; head -n 1"],
            [("ready", "salt")],
        )
        assert (code, shown.count("salt")) == (0, 2), shown  # as typed, and as read


def follows_the_log(there: Plane, heroku: Remote) -> None:
    """What is written later comes too, and each line once."""
    words = heroku.argv("heroku", "logs", "--tail", "-a", "overseas")
    shown = b""
    with subprocess.Popen(
        words, env=heroku.env(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as child:
        assert child.stdout is not None
        heard = child.stdout
        os.set_blocking(heard.fileno(), False)

        def seen(wanted: bytes) -> bool:
            nonlocal shown
            shown += heard.read() or b""
            return wanted in shown

        try:
            until(lambda: seen(b"app[web.1]"), 60, "what is there already")
            there.get("overseas", "/later")
            until(lambda: seen(b"/later"), 60, "what came later")
        finally:
            child.kill()
    lines = [line for line in shown.splitlines() if b"/later" in line]
    assert len(lines) == len(set(lines))
