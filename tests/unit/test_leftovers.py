"""What a dead keeper left is found by how it was started."""

from pathlib import Path

import pytest

from setpoint.drivers.local.paths import Paths
from setpoint.processes import leftovers

PATHS = Paths(Path("/data"), Path("/run/here"))
DAEMON = ("python", "-I", "-m", "setpoint.processes.daemon")
ENVOY = ("envoy", "--config-path", "/run/here/envoy/bootstrap.json")


def words(*all: str) -> bytes:
    return b"".join(word.encode() + b"\0" for word in all)


@pytest.mark.parametrize(
    ("argv", "environment", "found"),
    [
        (DAEMON, ("SETPOINT_DATA=/data",), [("daemon", 7)]),
        (DAEMON, ("SETPOINT_DATA=/data2",), []),
        (DAEMON, (), []),
        (("python", "-I", "-m", "setpoint.processes.builder"), ("SETPOINT_DATA=/data",), []),
        (("python", "x", "setpoint.processes.daemon"), ("SETPOINT_DATA=/data",), []),
        (ENVOY, (), [("envoy", 7)]),
        (("envoy", "--config-path", "/run/there/envoy/bootstrap.json"), (), []),
        ((), (), []),
    ],
)
def test_only_this_plane_is_found(
    tmp_path: Path, argv: tuple[str, ...], environment: tuple[str, ...], found: object
) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "8").mkdir()
    process = tmp_path / "7"
    process.mkdir()
    (process / "cmdline").write_bytes(words(*argv))
    (process / "environ").write_bytes(words(*environment))
    assert list(leftovers.running(PATHS, tmp_path)) == found
