"""In which folders does an instance run of which no record is left?"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from setpoint.drivers.local.inspections import Inspections
from setpoint.drivers.local.table import Standing, Table
from setpoint.testing import builders

ORDER = builders.order()
ONE = builders.instance()
FRESH, OLD = (11,), (7,)


@pytest.mark.parametrize(("stands_on", "outdated"), [(FRESH, False), (OLD, True), ((0,), True)])
def test_it_is_looked_up_where_it_runs(stands_on: tuple[int, ...], *, outdated: bool) -> None:
    asked: list[Path] = []

    def within(root: Path, spec: object) -> tuple[int, ...]:
        asked.append(root)
        return stands_on

    running = SimpleNamespace(footing=(), identity=SimpleNamespace(inner_pid=42))
    standing = Standing(builders.facts(ORDER, ONE), ORDER, running={ONE.id: cast("Any", running)})
    hands = SimpleNamespace(relieved=None, repaired=lambda *_: None)
    ground = SimpleNamespace(footing=lambda _: FRESH, footing_within=within)
    supervisor = SimpleNamespace(wake=lambda _: None)
    parts = [cast("Any", part) for part in (ground, None, Table(), hands, supervisor)]
    Inspections(*parts, tell=lambda _: None, now_s=lambda: 0.0)
    cast("Any", hands).relieved(standing)
    assert asked == [Path("/proc/42/root")]
    assert [i.outdated for i in standing.facts.live] == [outdated]
    assert running.footing == stands_on
