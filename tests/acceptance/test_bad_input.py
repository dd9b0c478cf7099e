"""Bad input: one clear line, exit code not 0, nothing changed, and what served still serves."""

import shutil
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from setpoint.model.release import SOURCE_BYTES_MAX
from tests.acceptance.plane import EXAMPLES, Plane, Ran, fresh_plane

MIB = 1024 * 1024

REFUSED, STALLED = 2, 3


def assert_one_clear_line(ran: Ran, code: int, *words: str) -> None:
    assert ran.code == code, (ran.code, ran.out, ran.err)
    first = ran.err.strip().splitlines()[0]
    assert first.startswith("cannot "), ran.err
    assert "Traceback" not in ran.err
    for word in words:
        assert word in ran.err, (word, ran.err)


def changes(plane: Plane, app: str) -> int:
    return int(plane.info(app)["generation"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("config", "shop", "A B=1"), ("A B",)),
        (("config", "shop", "A\nB=1"), ()),
        (("config", "shop", "=1"), ()),
        (("scale", "shop", "web=-1"), ("web=-1",)),
        (("scale", "shop", "web=1000"), ("1000",)),
        (("scale", "shop", "nosuch=1"), ("nosuch",)),
        (("scale", "shop", "web=many"), ("many",)),
        (("info", "nobody-here"), ("nobody-here",)),
        (("destroy", "shop", "--confirm", "ship"), ("ship",)),
        (("invoke", "greeter", "-p", "{not json"), ("JSON",)),
        (("invoke", "greeter/nosuch", "-p", "{}"), ("nosuch",)),
    ],
    ids=lambda value: " ".join(value).replace("\n", "-")[:40] if isinstance(value, tuple) else "",
)
def test_is_refused_and_changes_nothing(
    plane: Plane, shop: str, greeter: str, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    before = changes(plane, shop)
    assert_one_clear_line(plane.cli(*arguments), REFUSED, *words)
    assert changes(plane, shop) == before
    assert plane.get(shop).status == 200


def test_a_config_value_over_64_kib_is_refused_and_not_echoed(plane: Plane, shop: str) -> None:
    ran = plane.cli("config", shop, "BIG=" + "x" * (64 * 1024 + 1))
    assert_one_clear_line(ran, REFUSED, "BIG")
    assert "xxxx" not in ran.err


@pytest.mark.parametrize("name", ["Shop", "1shop", "a", "x" * 31, "my_shop", "-shop"])
def test_an_invalid_app_name_is_refused_with_the_rule(plane: Plane, name: str) -> None:
    ran = plane.cli("create", "--", name)
    assert_one_clear_line(ran, REFUSED)


def test_a_taken_app_name_is_refused(plane: Plane, shop: str) -> None:
    assert_one_clear_line(plane.cli("create", shop), REFUSED, "taken")


# --- sources ----------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    def make(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / "project" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (tmp_path / "project").mkdir(exist_ok=True)
        return tmp_path / "project"

    return make


WEB = """import http.server, os
handler = http.server.SimpleHTTPRequestHandler
http.server.HTTPServer(("", int(os.environ["PORT"])), handler).serve_forever()
"""


def test_no_project_files_is_refused_before_an_upload(
    plane: Plane, project: Callable[[dict[str, str]], Path]
) -> None:
    folder = project({"notes.txt": "nothing to run"})
    ran = plane.cli("deploy", str(folder), "-a", "empty")
    assert_one_clear_line(ran, REFUSED, "Procfile")
    assert plane.cli("info", "empty").code == REFUSED


def test_a_bad_procfile_is_refused_with_its_line(
    plane: Plane, project: Callable[[dict[str, str]], Path]
) -> None:
    folder = project({"Procfile": "web: python app.py\nthis is no process\n"})
    assert_one_clear_line(plane.cli("deploy", str(folder), "-a", "badproc"), REFUSED, "2")


def test_unsatisfiable_requirements_fail_with_uv_s_own_words_and_the_old_release_serves(
    plane: Plane, shop: str, project: Callable[[dict[str, str]], Path]
) -> None:
    before = plane.info(shop)["release"]["version"]
    folder = project(
        {"Procfile": "web: python app.py", "app.py": WEB, "requirements.txt": "six==0.0.999\n"}
    )
    ran = plane.cli("deploy", str(folder), "-a", shop)
    assert ran.code == STALLED, (ran.out, ran.err)
    assert "six" in ran.out + ran.err
    assert plane.info(shop)["release"]["version"] == before
    assert plane.get(shop).status == 200
    plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", shop)


def test_code_that_cannot_import_shows_its_traceback_and_the_old_release_serves(
    plane: Plane, greeter: str, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(EXAMPLES / "hello-function", broken)
    for main in broken.rglob("main.py"):
        main.write_text("import nonexistent_module_for_test\n" + main.read_text())
    ran = plane.cli("deploy", str(broken), "-a", greeter)
    assert ran.code == STALLED, (ran.out, ran.err)
    assert "nonexistent_module_for_test" in ran.out + ran.err
    assert "Ada" in plane.ok("invoke", greeter, "-p", '{"name": "Ada"}').out
    plane.ok("deploy", str(EXAMPLES / "hello-function"), "-a", greeter)


def test_an_app_that_never_binds_its_port_fails_and_the_old_release_serves(
    plane: Plane, project: Callable[[dict[str, str]], Path]
) -> None:
    good = project({"Procfile": "web: python app.py", "app.py": WEB})
    plane.ok("deploy", str(good), "-a", "silent")
    plane.ok("scale", "silent", "web=1", "--boot-timeout", "2")
    (good / "app.py").write_text("import threading; threading.Event().wait()\n")
    ran = plane.cli("deploy", str(good), "-a", "silent")
    assert ran.code == STALLED, (ran.out, ran.err)
    assert plane.get("silent").status == 200
    assert "R10" in plane.ok("logs", "silent", "-n", "100").out


# --- starting ---------------------------------------------------------------------------------


def test_a_second_up_on_one_data_directory_is_refused(plane: Plane) -> None:
    ran = plane.cli("up", "--detach", "--edge-port", "0", "--api-port", "0", "--floor", "L0")
    assert_one_clear_line(ran, REFUSED, "already runs")


def test_a_port_in_use_is_refused_by_name(plane: Plane) -> None:
    with fresh_plane(start=False) as other:
        taken = str(plane.ports["edge"])
        ran = other.cli("up", "--detach", "--edge-port", taken, "--api-port", "0", "--floor", "L0")
        assert_one_clear_line(ran, REFUSED, taken, "--edge-port")


def started_then_down(other: Plane) -> None:
    other.up()
    other.ok("create", "kept")
    other.ok("down")


def up(other: Plane) -> Ran:
    return other.cli("up", "--detach", "--edge-port", "0", "--api-port", "0", "--floor", "L0")


def test_a_missing_key_file_is_told_and_nothing_is_made_anew() -> None:
    with fresh_plane(start=False) as other:
        started_then_down(other)
        key = other.data / "private" / "key"
        kept = key.read_bytes()
        key.unlink()
        assert_one_clear_line(up(other), REFUSED, "key")
        assert not key.exists()
        key.write_bytes(kept[::-1])
        key.chmod(0o600)
        assert_one_clear_line(up(other), REFUSED, "key")


def test_data_of_a_newer_version_is_refused() -> None:
    with fresh_plane(start=False) as other:
        started_then_down(other)
        with sqlite3.connect(other.data / "private" / "setpoint.sqlite3") as db:
            tables = {r[0] for r in db.execute("SELECT name FROM sqlite_master")}
            table = "migration" if "migration" in tables else "schema_version"
            columns = [r[1] for r in db.execute(f"PRAGMA table_info({table})")]
            values = [999 if c in ("version", "number") else "x" for c in columns]
            marks = ",".join("?" * len(columns))
            db.execute(f"INSERT INTO {table} VALUES ({marks})", values)
        db.close()
        assert_one_clear_line(up(other), REFUSED, "newer")


def test_an_upload_without_end_is_cut_off_at_the_limit_and_costs_no_memory(plane: Plane) -> None:
    """One that does not say how long it is: the daemon counts it on its way to the disk."""
    path = urlsplit(plane.api("POST", "/sources").json["source_blob"]["put_url"]).path
    before_bytes, sources = memory_max_bytes(plane), set((plane.data / "sources").iterdir())
    chunk = b"100000\r\n" + b"\0" * MIB + b"\r\n"
    head = f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", plane.ports["api"]), 60) as link:
        link.sendall(head.encode())
        for _ in range(SOURCE_BYTES_MAX // MIB + 8):
            link.sendall(chunk)
        assert b" 413 " in link.makefile("rb").readline()
    assert memory_max_bytes(plane) - before_bytes < 16 * MIB
    assert set((plane.data / "sources").iterdir()) == sources
    assert not list((plane.data / "sources").glob("uploads/*.part"))


def memory_max_bytes(plane: Plane) -> int:
    """The most that the daemon has had so far."""
    status = Path(f"/proc/{plane.pid('daemon')}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
