"""What going back would start or end: of what is granted, not of what is wished for."""

import msgspec
import pytest

from setpoint.model.app import MIB, AppIntent, Formation
from setpoint.planning.undoing import effect
from setpoint.testing import builders
from tests.unit.planning.scene import WEB, WORKER


def app(web: int, worker: int = 0, **fields: object) -> AppIntent:
    said = {"web": Formation(web, web), "worker": Formation(worker, worker)}
    return msgspec.structs.replace(builders.unit().intent, formation=said, **fields)


@pytest.mark.parametrize(
    ("offers", "now", "after", "instances"),
    [
        ({"instances_max": 100, "memory_bytes": 4096 * MIB}, app(40), app(3), -29),
        ({"instances_max": 2}, app(40), app(6), 0),
        ({"instances_max": 2}, app(40), app(1), -1),
        ({"instances_max": 100, "memory_bytes": 512 * MIB}, app(3, 4), app(1, 4), 0),
        ({"level": "L0"}, app(2, isolation_level_min="L3"), app(2), 2),
    ],
)
def test_what_is_not_granted_neither_starts_nor_ends(
    offers: dict[str, object], now: AppIntent, after: AppIntent, instances: int
):
    offered, unit = builders.capabilities(**offers), builders.unit(now)
    found = effect(unit, after, (WEB, WORKER), offered)
    assert found == (instances, instances * 512 * MIB)
