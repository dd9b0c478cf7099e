"""Files of laid layers that outsiders alter under running apps: noticed, named and laid again."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from setpoint.drivers.local.inspections import PERIOD_S
from tests.acceptance.plane import EXAMPLES, Plane, fresh_plane, until

NOTICED_S = 3 * PERIOD_S + 60
SOURCE = str(EXAMPLES / "hello-web")


@pytest.fixture(scope="module")
def served() -> Iterator[Plane]:
    """Two apps of the same source, which run on the same layers."""
    with fresh_plane() as plane:
        if plane.cli("doctor", "--json").json["level"] == "L0":
            pytest.skip("at L0 apps may write to their own files, so nobody looks at them")
        for app in ("shop", "fair"):
            plane.ok("deploy", SOURCE, "-a", app)
        yield plane


def layer(plane: Plane, kind: str) -> Path:
    """The one that both run on."""
    folder = plane.data / "layers" / kind
    (found,) = [path for path in folder.iterdir() if not path.name.startswith(".")]
    return found


def package(plane: Plane, name: str) -> Path:
    (found,) = layer(plane, "deps").glob(f"lib/python*/site-packages/{name}")
    return found


def drift(plane: Plane, app: str) -> list[tuple[str, bool]]:
    """(what, whether it is repaired), newest first."""
    return [(d["what"], d["repaired_s"] is not None) for d in plane.info(app)["drift"]]


def dynos(plane: Plane, app: str) -> list[str]:
    return [dyno["name"] for dyno in plane.info(app)["dynos"]]


def repaired(plane: Plane, app: str, what: str) -> Callable[[], bool]:
    return lambda: drift(plane, app)[:1] == [(what, True)]


def settled(plane: Plane, app: str) -> bool:
    return plane.cli("status", app).code == 0


def test_altered_code_is_named_and_laid_again_and_nobody_is_turned_away(served: Plane) -> None:
    app = layer(served, "code") / "app.py"
    whole = app.read_text()
    before = {name: dynos(served, name) for name in ("shop", "fair")}
    app.write_text(whole.replace(" to ", " from somebody else to "))
    (app.parent / "Procfile").unlink()
    (app.parent / "left.txt").write_text("by an outsider")
    what = (
        "code was altered by an outsider: Procfile is gone, app.py was changed, left.txt was added"
    )
    answers: list[int] = []

    def both() -> bool:
        answers.extend(served.get(name).status for name in ("shop", "fair"))
        return all(repaired(served, name, what)() for name in ("shop", "fair"))

    until(both, NOTICED_S, f"both are told of it and repaired: {served.tails()}")
    assert set(answers) == {200}
    assert app.read_text() == whole
    assert not (app.parent / "left.txt").exists()
    for name in ("shop", "fair"):
        assert dynos(served, name) != before[name]
        assert "somebody else" not in served.get(name).text
        until(lambda name=name: settled(served, name), 60, "it is settled")
        assert served.info(name)["release"]["version"] == 1
    assert "[lay-again]: succeeded" in served.ok("why", "shop").out + served.ok("why", "fair").out


def test_packages_are_laid_again_and_an_app_whose_drift_is_only_told_is_left(
    served: Plane,
) -> None:
    """The file is one with that in the cache of packages, and is cut there, too."""
    served.ok("freeze", "fair", "--report", "-m", "we look for whoever does this")
    module = package(served, "starlette/routing.py")
    whole, before = module.read_text(), dynos(served, "fair")
    os.truncate(module, 100)
    inside = module.relative_to(layer(served, "deps"))
    what = f"packages were altered by an outsider: {inside} was changed"
    until(repaired(served, "shop", what), NOTICED_S, f"it is laid again: {served.tails()}")
    assert package(served, "starlette/routing.py").read_text() == whole
    assert (what, False) in drift(served, "fair")
    assert dynos(served, "fair") == before
    assert [served.get(name).status for name in ("shop", "fair")] == [200, 200]
    served.ok("unfreeze", "fair")
    until(lambda: dynos(served, "fair") != before, 60, "it moves to what was laid again")
    until(repaired(served, "fair", what), 60, "and that is told")


def test_what_cannot_be_laid_again_says_so_and_deploying_it_again_helps(served: Plane) -> None:
    source = served.info("shop")["release"]["source"]

    for upload in served.data.rglob(f"{source}.tar.gz"):
        upload.unlink()
    app = layer(served, "code") / "app.py"
    whole = app.read_text()
    app.write_text("raise SystemExit\n")
    until(lambda: served.cli("status", "shop").code == 3, NOTICED_S, "it is stalled")
    told = served.cli("status", "shop").out
    assert "what v1 runs on was altered by an outsider (app.py was changed)" in told
    assert "is no longer here" in told
    assert "deploy it again" in told
    assert served.get("shop").status == 200
    served.ok("deploy", SOURCE, "-a", "shop")
    assert app.read_text() == whole
    assert served.info("shop")["release"]["version"] == 2
    until(lambda: settled(served, "fair"), 60, "the other app is helped, too")


def test_a_supervisor_that_dies_meanwhile_tells_it_once_and_repairs_it(served: Plane) -> None:
    app = layer(served, "code") / "app.py"
    whole, at_s = app.read_text(), time.time()
    app.write_text("raise SystemExit\n")
    marks = served.data / "layers/altered"
    until(lambda: any(marks.glob("code-*")), NOTICED_S, "it is noticed")
    served.kill("supervisor")
    until(lambda: app.read_text() == whole, NOTICED_S, f"laid again: {served.tails()}")
    until(lambda: settled(served, "shop"), NOTICED_S, "it is settled")
    new = [d for d in served.info("shop")["drift"] if d["at_s"] >= at_s]
    assert len(new) <= 1
    assert served.get("shop").status == 200
