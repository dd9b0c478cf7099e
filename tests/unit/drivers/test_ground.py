"""An order says how low it may be carried out; one that is older than this machine's level, too."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from setpoint.drivers.local.ground import Ground
from setpoint.model.errors import Terminal
from setpoint.model.ids import Digest
from setpoint.testing import builders

NOTHING = cast("Any", None)
GROUND = Ground(NOTHING, NOTHING, NOTHING, NOTHING, None, NOTHING)


def check(level: str, wanted: str | None) -> None:
    ground = replace(GROUND, confinement=cast("Any", SimpleNamespace(level=level)))
    ground.check_level("web of shop", cast("Any", wanted))


@pytest.mark.parametrize(("level", "wanted"), [("L2", None), ("L2", "L0"), ("L3", "L3")])
def test_at_its_level_or_above_it_is_started(level: str, wanted: str | None) -> None:
    check(level, wanted)


@pytest.mark.parametrize(("level", "wanted"), [("L0", "L2"), ("L2", "L3")])
def test_below_its_level_it_is_not(level: str, wanted: str) -> None:
    with pytest.raises(Terminal, match=f"at isolation level {wanted} at least.* has {level}"):
        check(level, wanted)


@pytest.mark.parametrize("layer", [None, "cd" * 32])
def test_what_one_without_a_record_stands_on_is_seen_in_its_own_root(
    tmp_path: Path, layer: Digest | None
) -> None:
    ground = replace(GROUND, confinement=cast("Any", SimpleNamespace(hides=True)))
    spec = msgspec.structs.replace(builders.order().spec, layer=layer)
    app, deps = tmp_path / "app", tmp_path / "layers" / "deps"
    assert not any(ground.footing_within(tmp_path, spec)), "neither is to be seen"
    app.mkdir()
    deps.mkdir(parents=True)
    seen = (app.stat().st_ino, deps.stat().st_ino)
    assert ground.footing_within(tmp_path, spec) == seen[: 1 if layer is None else 2]


def test_nothing_of_one_that_has_no_root_of_its_own(tmp_path: Path) -> None:
    ground = replace(GROUND, confinement=cast("Any", SimpleNamespace(hides=False)))
    assert ground.footing_within(tmp_path, builders.order().spec) == ()
