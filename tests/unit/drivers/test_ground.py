"""An order says how low it may be carried out; one that is older than this machine's level, too."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from setpoint.drivers.local.ground import Ground
from setpoint.model.errors import Terminal

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
