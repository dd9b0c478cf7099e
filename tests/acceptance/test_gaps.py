"""Hopes and what a real machine offers: the rest is told, and done once it can be."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.plane import EXAMPLES, Plane, fresh_plane, until

UNMET = 3


def demands(plane: Plane, *more: str) -> dict[str, Any]:
    told = plane.cli("gaps", *more, "--json").json
    return {d["capability"]: d for d in told["capabilities"]}


def web_ready(plane: Plane, app: str) -> int:
    return sum(d["state"] == "up" for d in plane.info(app)["dynos"])


def test_what_the_machine_has_no_room_for_is_told_and_done_once_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SETPOINT_MEMORY_MIB", "256")
    with fresh_plane() as plane:
        plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "blog", "--no-wait")
        plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "shop")
        ran = plane.cli("scale", "shop", "web=4")
        assert ran.code == UNMET
        assert "formation.web.max: wanted 4, offered 2: this machine has 256 MiB" in ran.err
        assert plane.get("shop").status == 200
        assert web_ready(plane, "shop") == 2
        told = demands(plane, "shop")["memory_bytes"]
        assert told["gaps"][0]["unmet"]["provider"] == "this machine"
        assert plane.cli("scale", "shop", "web=4:performance-2xl").code == UNMET
        told = demands(plane)["sizes"]["gaps"][0]["unmet"]
        assert (told["wanted"], told["nearest"]) == ("performance-2xl", "eco")
        assert plane.cli("scale", "shop", "web=4:basic").code == UNMET
        before = started(plane, "blog")
        plane.ok("down", "--keep-apps")
        monkeypatch.setenv("SETPOINT_MEMORY_MIB", "4096")
        plane.up()
        until(lambda: web_ready(plane, "shop") == 4, 60, "all four run")
        until(lambda: plane.cli("gaps").code == 0, 60, "nothing falls short")
        assert started(plane, "blog") == before


def started(plane: Plane, app: str) -> list[float]:
    return [d["started_at_s"] for d in plane.info(app)["dynos"]]


def test_another_python_is_warned_of_listed_and_fails_nothing(plane: Plane, tmp_path: Path) -> None:
    files = {
        "Procfile": "worker: sleep 1000\n",
        ".python-version": "3.6\n",
        "app.py": "",
        "requirements.txt": "",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    plane.ok("deploy", str(tmp_path), "-a", "aged")
    assert plane.cli("status", "aged").code == 0
    ran = plane.cli("gaps", "aged")
    assert ran.code == UNMET
    assert "aged  source.python: wanted 3.6, offered 3." in ran.out
    assert "because .python-version asks for Python 3.6" in ran.out
    assert "SETPOINT_PYTHON" in ran.out


def test_doctor_tells_what_there_is(plane: Plane) -> None:
    offers = plane.ok("doctor", "--json").json["capabilities"]
    assert offers["python_version"].startswith("3.")
    assert offers["node_versions"]
    assert offers["tls_hosts"] == ["*.localhost"]
    assert offers["memory_bytes"] <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE")
    assert "basic" in offers["sizes"]


def test_an_unreadable_wish_of_the_operator_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SETPOINT_MEMORY_MIB", "lots")
    with fresh_plane(start=False) as plane:
        ran = plane.cli("up", "--detach", "--edge-port", "0", "--api-port", "0", "--floor", "L0")
        assert ran.code == 2
        assert "SETPOINT_MEMORY_MIB is no whole number of MiB" in ran.err


def test_where_the_machine_stands_is_the_operators_word_and_its_level_is_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SETPOINT_REGION", "eu")
    with fresh_plane() as plane:
        assert "it runs in" not in plane.ok("create", "here", "--region", "eu").out
        assert "it runs in eu" in plane.ok("create", "there", "--region", "us").out
        until(lambda: "regions" in demands(plane, "there"), 30, "the gap is told")
        assert demands(plane, "there")["regions"]["gaps"][0]["unmet"]["nearest"] == "eu"
        assert demands(plane, "here") == {}
        plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "here")
        level = plane.ok("doctor", "--json").json["level"]
        plane.ok("isolation", "here", level)
        assert plane.ok("isolation", "here").out == f"{level} at least; this machine has {level}\n"
        assert plane.get("here").status == 200
        if level != "L3":
            assert plane.cli("isolation", "here", "L3").code == UNMET
            until(lambda: plane.get("here").status != 200, 60, "nothing of it runs")
            plane.ok("isolation", "here", "any")
            assert plane.get("here").status == 200
