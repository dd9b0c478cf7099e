"""What outsiders do to a running app, as its owner is told of it; and an app that is left alone."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from setpoint.drivers.local import records
from setpoint.drivers.local.inspections import PERIOD_S
from tests.acceptance.plane import EXAMPLES, Plane, fresh_plane, until

SOURCE = str(EXAMPLES / "hello-web")
PACKAGE = "lib/python*/site-packages/starlette/routing.py"
NOTICED_S = 3 * PERIOD_S + 60


@pytest.fixture(scope="module")
def served() -> Iterator[Plane]:
    with fresh_plane() as plane:
        plane.ok("deploy", SOURCE, "-a", "shop")
        yield plane


def kill_web(plane: Plane) -> None:
    """As somebody who took it for a process of their own."""
    (identity,) = [record.identity for *_, record in records.load(plane.runtime / "inst")]
    assert identity is not None
    os.kill(identity.inner_pid, signal.SIGKILL)


def drift(plane: Plane) -> list[tuple[str, bool]]:
    return [(d["what"], d["repaired_s"] is not None) for d in plane.info("shop")["drift"]]


KILLED = "web.1 was killed by an outsider (signal 9)"


def test_a_kill_is_named_with_its_repair_and_a_frozen_app_is_left_until_it_is_thawed(
    served: Plane,
) -> None:
    kill_web(served)
    until(lambda: drift(served) == [(KILLED, True)], 60, "the kill is told, and its repair")
    until(lambda: served.cli("status", "shop").code == 0, 60, "it is settled again")
    assert f"drift: {KILLED}" in served.ok("status", "shop").out
    assert served.get("shop").status == 200

    served.ok("freeze", "shop", "--until", "1h", "-m", "we look for a leak")
    kill_web(served)
    until(lambda: served.cli("status", "shop").code == 3, 60, "it is told that it waits")
    told = served.cli("status", "shop").out
    assert "frozen by" in told
    assert "we look for a leak" in told
    assert "so this waits: 0 of 1 web instances of v1 are ready" in told
    deployed = served.cli("deploy", SOURCE, "-a", "shop")
    assert deployed.code == 3
    assert "it is frozen, so what was built waits" in deployed.err
    assert served.info("shop")["dynos"] == []

    served.ok("unfreeze", "shop")
    assert served.get("shop").status == 200
    assert served.info("shop")["release"]["version"] == 2
    assert "Freeze shop until" in served.ok("why", "shop", "-n", "5").out


def layer(plane: Plane, kind: str) -> Path:
    """Of what it runs on."""
    layers = (plane.data / "layers" / kind).iterdir()
    (found,) = [path for path in layers if not path.name.startswith(".")]
    return found


def alter(plane: Plane, kind: str, name: str) -> None:
    """Noticed, and named with when."""
    (changed,) = layer(plane, kind).glob(name)
    began_s, subject = time.time(), {"code": "code was", "deps": "packages were"}[kind]
    changed.write_text("raise SystemExit\n")
    inside = changed.relative_to(layer(plane, kind))
    told_of(plane, f"{subject} altered by an outsider: {inside} was changed", began_s)


def told_of(plane: Plane, what: str, began_s: float) -> None:
    until(lambda: seen(plane, what, began_s), NOTICED_S, f"it is noticed: {what}")
    drifted = seen(plane, what, began_s)
    assert drifted is not None
    assert drifted["at_s"] <= time.time()
    assert (drifted["repaired_s"], drifted["over"]) == (None, False)
    told = plane.cli("status", "shop").out
    assert "drift is only reported, said" in told
    newest = next(ln for ln in told.splitlines() if ln.startswith(f"  drift: {what}, noticed"))
    assert newest.endswith("still so")


def seen(plane: Plane, what: str, began_s: float) -> Any:
    """The drift of these words since then, if there is one."""
    found = plane.info("shop")["drift"]
    return next((d for d in found if d["what"] == what and d["at_s"] >= began_s), None)


def test_an_altered_file_is_told_and_left_under_report_till_a_change_rolls_out_or_it_is_enforced(
    served: Plane,
) -> None:
    if served.cli("doctor", "--json").json["level"] == "L0":
        pytest.skip("at L0 apps may write to their own files, so nobody looks at them")
    served.ok("freeze", "shop", "--report", "-m", "we look for whoever does this")
    app = layer(served, "code") / "app.py"
    whole, dynos = app.read_text(), served.info("shop")["dynos"]
    alter(served, "code", "app.py")
    alter(served, "deps", PACKAGE)  # by a later look, which left the other as it was
    assert app.read_text() != whole
    assert served.info("shop")["dynos"] == dynos
    assert served.get("shop").status == 200
    for change in (
        ("config", "shop", "GREETING=Good day"),
        ("deploy", SOURCE, "-a", "shop"),
        ("unfreeze", "shop"),
    ):
        if app.read_text() == whole:
            alter(served, "code", "app.py")
        before = {dyno["id"] for dyno in served.info("shop")["dynos"]}
        served.ok(*change)
        until(
            lambda b=before: laid_anew(served, whole, b), NOTICED_S, f"it is laid again: {change}"
        )
        assert served.get("shop").status == 200
    until(lambda: served.cli("status", "shop").code == 0, 60, "it is settled")


def laid_anew(plane: Plane, whole: str, before: set[str]) -> bool:
    """And what runs was started on that; nothing is told to be still adrift."""
    told = plane.info("shop")
    fresh = not before & {dyno["id"] for dyno in told["dynos"]}
    over = all(d["over"] or d["repaired_s"] is not None for d in told["drift"])
    return fresh and over and (layer(plane, "code") / "app.py").read_text() == whole
