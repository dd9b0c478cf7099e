"""A config value is in its app's environment and nowhere else: no page, file or command line."""

import base64
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.plane import EXAMPLES, Plane, fresh_plane

CANARY = "canary7Qx2VbR9tLmZ4wKp"


def forms(secret: str) -> list[bytes]:
    """As it may lie in a file: plain, in hex, and in base64 wherever it began in its text."""
    raw = secret.encode()
    shifted = [base64.b64encode(b"\0" * lead + raw)[4:-4] for lead in range(3)]
    return [raw, raw.hex().encode(), *shifted]


def files_with(folder: Path, secret: str) -> list[str]:
    """Sockets and pipes are no files; what vanishes meanwhile is not there."""
    found: list[str] = []
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            if path.is_file() and any(form in path.read_bytes() for form in forms(secret)):
                found.append(str(path.relative_to(folder)))
    return found


def command_lines() -> bytes:
    told = b""
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            told += line.read_bytes()
    return told


@pytest.fixture(scope="module")
def lived() -> Iterator[Plane]:
    """A plane on which an app with a secret was served, failed, planned and asked about."""
    with fresh_plane() as plane:
        plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "vault")
        plane.ok("config", "vault", f"GREETING={CANARY}", "-m", "a new greeting")
        yield plane


@pytest.fixture(scope="module")
def told(lived: Plane, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """All that was printed, by command: what works, what is refused, what fails."""
    broken = tmp_path_factory.mktemp("broken")
    (broken / "Procfile").write_text("web: exit 3\n")
    asked = [
        ("deploy", str(broken), "-a", "vault"),
        ("config", "vault", f"A B={CANARY}"),
        ("config", "vault", "OTHER=1", "-m", f"now {CANARY}"),
        ("plan", str(EXAMPLES / "hello-web"), "-a", "vault", "--set", "GREETING"),
        *((word, "vault") for word in ("why", "info", "status", "logs")),
        ("apps",),
        ("doctor",),
    ]
    said: dict[str, str] = {}
    for words in asked:
        for more in ((), ("--json",)):
            ran = lived.cli(*words, *more)
            said[" ".join((words[0], *words[2:], *more))] = ran.out + ran.err
    return said


def test_the_canary_is_there_to_be_found(lived: Plane) -> None:
    """Else all that follows would hold for the wrong reason."""
    assert CANARY in lived.get("vault").text
    (lived.data / "probe").write_bytes(base64.b64encode(f"x={CANARY}.".encode()))
    assert files_with(lived.data, CANARY) == ["probe"]
    (lived.data / "probe").unlink()


def test_no_command_tells_it(told: dict[str, str]) -> None:
    assert [words for words, text in told.items() if CANARY in text] == []
    assert all(text.strip() for text in told.values())


def test_no_file_and_no_command_line_has_it(lived: Plane, told: dict[str, str]) -> None:
    """Operator's logs, journal, builds, layers, router lines, and the store, which is sealed."""
    assert len(told) > 0
    assert files_with(lived.data, CANARY) == []
    assert CANARY.encode() not in command_lines()


def test_a_daemon_that_was_killed_wrote_it_nowhere_either(lived: Plane) -> None:
    lived.kill("daemon")
    assert CANARY in lived.get("vault").text
    assert files_with(lived.data, CANARY) == []


def test_after_down_the_runtime_directory_has_nothing_of_it(lived: Plane) -> None:
    runtime = lived.runtime
    lived.ok("down")
    assert files_with(lived.data, CANARY) == []
    assert not runtime.exists() or files_with(runtime, CANARY) == []
