"""The builder as the supervisor starts it: a process of its own, a request in, a result out."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import uv as uv_package

import setpoint
from setpoint.drivers.builders import layers, leftovers
from setpoint.model.release import Build
from tests.support.building import Yard, packed, request
from tests.support.processes import alive
from tests.support.waiting import until

WEB = {"Procfile": "web: python app.py\n", "app.py": "import six\n", "requirements.txt": "six\n"}
UID, GID = 40004, 40000
"""no passwd entry needed; the plane's own numbers"""


class Builder:
    """Starts builds in `folder`. `environment`: beside our own."""

    def __init__(self, yard: Yard, folder: Path) -> None:
        self.yard, self.folder = yard, folder
        self.result = folder / "builds" / "b.json"
        for name in ("builds", "layers", "cache"):
            (folder / name).mkdir()

    def start(
        self, files: dict[str, str], tools: str | None = None, stack: str = "", **environment: str
    ) -> "subprocess.Popen[bytes]":
        asked = request(self.yard.python)
        asked = msgspec.structs.replace(asked, stack=stack or asked.stack)
        archive = self.folder / "source.tar.gz"
        archive.write_bytes(packed(files))
        archive.chmod(0o600)
        order = {
            "request": msgspec.to_builtins(asked),
            "archive": str(archive),
            "layers": str(self.folder / "layers"),
            "cache": str(self.folder / "cache"),
            "result": str(self.result),
            "handover": str(self.result.with_suffix(".run")),
            "python": self.yard.python,
            "tools": tools,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "setpoint.processes.builder"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **environment},
            cwd="/",
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(order).encode())
        process.stdin.close()
        process.stdin = None
        return process

    def run(self, files: dict[str, str], **more: str) -> tuple[Build, str]:
        """The result and what was said."""
        process = self.start(files, **more)
        out, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()
        return msgspec.json.decode(self.result.read_bytes(), type=Build), out.decode()


@pytest.fixture
def builder(yard: Yard, tmp_path: Path) -> Builder:
    return Builder(yard, tmp_path)


def test_result_is_a_build_with_its_slug(builder: Builder) -> None:
    build, said = builder.run(WEB)
    assert (build.status, build.message, build.source) == ("succeeded", "", "a1" * 32)
    assert build.slug is not None
    assert (builder.folder / "layers/code" / build.slug.code).is_dir()
    assert build.ended_at_s is not None
    assert build.ended_at_s >= build.started_at_s > 0
    assert "-----> Build succeeded" in said


def test_failed_build_is_a_result_too_and_bounded(builder: Builder) -> None:
    many = "".join(f"six!={n}.{m}\n" for n in range(20) for m in range(40)) + "six>90\n"
    build, said = builder.run({**WEB, "requirements.txt": many})
    assert (build.status, build.user_error, build.slug) == ("failed", True, None)
    assert build.message.startswith("cannot build shop: requirements.txt cannot be satisfied\n")
    assert len(build.message.splitlines()) <= 22
    assert len(build.message.encode()) < 5000
    assert " !     cannot build shop: " in said


def test_layers_are_never_made_on_another_stack_than_asked_for(builder: Builder) -> None:
    """The machine was upgraded between the request and the build."""
    build, _ = builder.run(WEB, stack="debian-1-py3.2-000000000000")
    assert (build.status, build.user_error) == ("failed", False)
    assert "it was asked for on debian-1-py3.2-000000000000" in build.message


def test_stopped_builder_leaves_neither_a_result_nor_half_a_layer(builder: Builder) -> None:
    index = subprocess.Popen(
        [sys.executable, "-c", _SILENT_INDEX], stdout=subprocess.PIPE, text=True
    )
    try:
        assert index.stdout is not None
        port = int(index.stdout.readline())
        process = builder.start(WEB, UV_DEFAULT_INDEX=f"http://127.0.0.1:{port}/simple")
        index.stdout.readline()  # somebody asked for a package
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        assert process.returncode == 128 + signal.SIGTERM
    finally:
        index.kill()
        index.communicate()
    assert not builder.result.exists()
    assert [p.name for p in (builder.folder / "layers").rglob(".*")] == [leftovers.LOCK]


def test_tools_of_a_builder_that_was_killed_write_no_further(builder: Builder) -> None:
    index = subprocess.Popen(
        [sys.executable, "-c", _SILENT_INDEX], stdout=subprocess.PIPE, text=True
    )
    try:
        assert index.stdout is not None
        port = int(index.stdout.readline())
        process = builder.start(WEB, UV_DEFAULT_INDEX=f"http://127.0.0.1:{port}/simple")
        index.stdout.readline()
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        tools = [int(pid) for pid in children.split()]
        assert tools
        process.kill()
        process.communicate(timeout=30)
        until(lambda: not any(map(alive, tools)), what="uv has ended")
    finally:
        index.kill()
        index.communicate()


def test_two_builders_of_one_build_do_not_share_what_is_unfinished(tmp_path: Path) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", _HOLDS_A_SCRATCH, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None
    half = Path(other.stdout.readline().rstrip())
    with layers.Layers(tmp_path / "deps", "b").scratch() as ours:
        assert half != ours
        assert half.is_dir()
    other.kill()
    other.communicate()
    leftovers.clear(tmp_path, tmp_path / "cache")
    assert not half.exists()


_HOLDS_A_SCRATCH = """
import sys, pathlib
from setpoint.drivers.builders import layers
with layers.Layers(pathlib.Path(sys.argv[1]) / "deps", "b").scratch() as path:
    path.mkdir()
    print(path, flush=True)
    sys.stdin.read()
"""


_SILENT_INDEX = """
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    link, _ = server.accept()
    print("asked", flush=True)
    link.recv(1 << 16)
    link.recv(1 << 16)
"""


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it gives root up")
def test_builder_drops_root_though_program_and_tool_lie_in_a_closed_folder(
    yard: Yard, tmp_path: Path
) -> None:
    closed = tmp_path / "closed"
    shutil.copytree(Path(setpoint.__file__).parent, closed / "setpoint")
    shutil.copy(uv_package.find_uv_bin(), closed / "uv")
    closed.chmod(0o700)
    place = _open_to_all(Path("/tmp") / f"setpoint-{tmp_path.name[:40]}-{os.getpid()}")
    try:
        builder = Builder(yard, place)
        for name in ("builds", "layers", "cache"):
            os.chown(place / name, UID, GID)
        build, _ = builder.run(
            WEB,
            tools=str(closed / "uv"),
            PYTHONPATH=str(closed),
            SETPOINT_UID=str(UID),
            SETPOINT_GID=str(GID),
        )
        assert build.status == "succeeded", build.message
        owners = {(p.lstat().st_uid, p.lstat().st_gid) for p in (place / "layers").rglob("*")}
        assert owners == {(UID, GID)}
        assert builder.result.stat().st_uid == UID
    finally:
        shutil.rmtree(place)


def _open_to_all(folder: Path) -> Path:
    """pytest's own temporary folders are closed to other users."""
    folder.mkdir(mode=0o755)
    return folder
