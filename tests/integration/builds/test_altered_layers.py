"""Layers that somebody alters: found by a look at real trees, and laid anew by a real build."""

import os
import shutil
import time
from pathlib import Path

import msgspec
import pytest

from setpoint.drivers.builders import laid
from setpoint.drivers.builders.inspector import inspect
from setpoint.drivers.builders.laid import Laid
from setpoint.drivers.builders.layers import Layers
from setpoint.formats.control import Inspection
from setpoint.model.ids import Digest
from setpoint.model.layer import Altered
from tests.support.building import Yard

A = Digest("a" * 64)
NOW_S = 1_700_000_000.0
WEB = {"Procfile": "web: python app.py\n", "app.py": "import six\n", "requirements.txt": "six\n"}


@pytest.fixture
def layer(tmp_path: Path) -> Laid:
    """One that was laid a moment ago."""
    layers = Layers(tmp_path / "layers" / "code", "b1")
    with layers.scratch() as new:
        (new / "lib").mkdir(parents=True)
        (new / "app.py").write_text("serve()\n")
        (new / "lib/tool.py").write_text("help()\n")
        (new / "lib/link").symlink_to("tool.py")
        layers.put(new, A)
    return Laid(tmp_path / "layers", "code", A)


def told(layer: Laid) -> tuple[str, ...]:
    """What one look finds."""
    laid.look(layer, NOW_S)
    if not layer.mark.exists():
        return ()
    return msgspec.json.decode(layer.mark.read_bytes(), type=Altered).told


def test_what_is_as_it_was_laid_is_not_altered(layer: Laid) -> None:
    assert laid.look(layer, NOW_S)
    assert told(layer) == ()


def change(at: Path) -> None:
    (at / "app.py").write_text("swerve\n\n")


def change_and_hide_it(at: Path) -> None:
    """The same size, and the time set back."""
    before = (at / "app.py").stat()
    (at / "app.py").write_text("swerve(\n")
    os.utime(at / "app.py", ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        pytest.param(change, "app.py was changed", id="changed"),
        pytest.param(change_and_hide_it, "app.py was changed", id="hidden"),
        pytest.param(lambda at: os.truncate(at / "app.py", 2), "app.py was changed", id="cut"),
        pytest.param(lambda at: (at / "app.py").unlink(), "app.py is gone", id="gone"),
        pytest.param(lambda at: (at / "new.py").touch(), "new.py was added", id="added"),
        pytest.param(lambda at: (at / "lib/x").mkdir(), "lib/x was added", id="folder"),
        pytest.param(
            lambda at: (at / "app.py").chmod(0o600), "app.py was given mode 0600", id="mode"
        ),
        pytest.param(lambda at: (at / "lib").chmod(0o700), "lib was given mode 0700", id="closed"),
    ],
)
def test_what_somebody_did_to_a_file_is_named(layer: Laid, how, expected: str) -> None:
    how(layer.layer)
    assert told(layer) == (expected,)
    assert not laid.look(layer, NOW_S)


def test_a_link_that_leads_elsewhere_and_a_file_that_became_one_are_named(layer: Laid) -> None:
    (layer.layer / "lib/link").unlink()
    (layer.layer / "lib/link").symlink_to("/etc/passwd")
    (layer.layer / "app.py").unlink()
    (layer.layer / "app.py").symlink_to("lib/tool.py")
    assert told(layer) == ("app.py is of another kind", "lib/link was changed")


def test_a_layer_that_is_gone_is_named(layer: Laid) -> None:
    shutil.rmtree(layer.layer)
    assert told(layer) == ("all of it is gone",)


def test_many_files_are_counted_and_few_named(layer: Laid) -> None:
    for number in range(9):
        (layer.layer / f"n{number}").touch()
    laid.look(layer, NOW_S)
    found = msgspec.json.decode(layer.mark.read_bytes(), type=Altered)
    assert found.noticed_at_s == NOW_S
    assert found.text == "n0 was added, n1 was added, n2 was added and 6 more"


def test_a_touch_a_copy_and_another_name_alter_nothing_and_are_read_once(layer: Laid) -> None:
    os.utime(layer.layer / "app.py", (1, 1))
    os.link(layer.layer / "lib/tool.py", layer.layer.parent / "elsewhere")
    assert told(layer) == ()
    before = layer.record.stat().st_ino
    assert told(layer) == ()
    assert layer.record.stat().st_ino == before


def test_what_was_noticed_first_stays_said_and_putting_it_back_ends_it(layer: Laid) -> None:
    change(layer.layer)
    laid.look(layer, NOW_S)
    (layer.layer / "new.py").touch()
    laid.look(layer, NOW_S + 9)
    found = msgspec.json.decode(layer.mark.read_bytes(), type=Altered)
    assert (found.noticed_at_s, found.told) == (NOW_S, ("app.py was changed",))
    (layer.layer / "new.py").unlink()
    (layer.layer / "app.py").write_text("serve()\n")
    assert told(layer) == ()


def test_a_layer_without_a_record_is_taken_as_it_is_found(layer: Laid) -> None:
    layer.record.unlink()
    assert told(layer) == ()
    change(layer.layer)
    assert told(layer) == ("app.py was changed",)


def test_a_record_that_was_cut_off_is_made_anew(layer: Laid) -> None:
    layer.record.write_bytes(layer.record.read_bytes()[:40])
    assert told(layer) == ()
    change(layer.layer)
    assert told(layer) == ("app.py was changed",)


def test_what_was_set_aside_goes_when_nothing_can_run_on_it(layer: Laid) -> None:
    in_use, left = (layer.layer.parent / f"{laid.ASIDE}{A}.{n}" for n in (1, 2))
    in_use.mkdir()
    left.mkdir()
    job = Inspection(str(layer.folder), (), (in_use.stat().st_ino,), 60.0)
    inspect(job, time.time())
    assert left.exists()
    inspect(job, time.time() + 61)
    assert in_use.exists()
    assert not left.exists()


# --- laid anew -----------------------------------------------------------------------------------


def test_building_the_same_source_lays_anew_what_was_altered_and_sets_it_aside(yard: Yard) -> None:
    slug = yard.build(WEB)
    code = Laid(yard.layers, "code", slug.code)
    before = code.layer.stat().st_ino
    (code.layer / "app.py").write_text("raise SystemExit\n")
    laid.look(code, NOW_S)
    assert yard.build(WEB) == slug
    assert (code.layer / "app.py").read_text() == "import six\n"
    assert not code.mark.exists()
    assert laid.look(code, NOW_S)
    (aside,) = code.layer.parent.glob(f"{laid.ASIDE}*")
    assert aside.stat().st_ino == before
    assert (aside / "app.py").read_text() == "raise SystemExit\n"


def test_packages_are_laid_anew_past_the_very_files_that_were_altered(yard: Yard) -> None:
    """The tool's cache and the layer are names of the same files."""
    slug = yard.build(WEB)
    deps = Laid(yard.layers, "deps", Digest(yard.deps(slug).name))
    (six,) = deps.layer.glob("lib/python*/site-packages/six.py")
    whole = six.read_text()
    assert six.stat().st_nlink > 1
    six.write_text("raise SystemExit\n")
    laid.look(deps, NOW_S)
    assert yard.build(WEB) == slug
    assert six.read_text() == whole
    assert not deps.mark.exists()


def test_a_layer_that_only_shares_files_with_an_altered_one_is_laid_anew_with_it(
    yard: Yard,
) -> None:
    """Nobody looks at what nothing runs on, until something is made of it."""
    first = yard.build(WEB)
    deps = Laid(yard.layers, "deps", Digest(yard.deps(first).name))
    (six,) = deps.layer.glob("lib/python*/site-packages/six.py")
    whole = six.read_text()
    (code := Laid(yard.layers, "code", first.code)).layer.joinpath("app.py").unlink()
    six.write_text("raise SystemExit\n")
    laid.look(code, NOW_S)
    assert not deps.mark.exists()
    yard.build(WEB)
    assert six.read_text() == whole
