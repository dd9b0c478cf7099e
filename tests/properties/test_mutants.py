"""Take one safety guard away, and the simulation must notice. A guard nobody misses is no guard."""

from collections.abc import Callable

import pytest

from setpoint.converge.applier import Applier
from setpoint.converge.orphans import Orphans
from setpoint.converge.recorder import Recorder
from setpoint.planning import processes, releases, routes
from setpoint.testing.faults import Rates
from setpoint.testing.simulate import simulate
from setpoint.testing.supervisor import SimSupervisor

LATE = Rates(late=0.2, stale=0.3)
"""Commands that arrive late and reads from the past: what fences and second looks are for."""

Mutate = Callable[[pytest.MonkeyPatch], None]


async def _no(*_: object) -> bool:
    return False


async def _nothing(*_: object) -> None:
    return None


def _routes_are_not_asked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(processes, "_routed", lambda draft, key: False)


def _fences_are_not_checked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SimSupervisor, "_check_fence", lambda supervisor, key, fence: None)


def _no_second_look_before_an_effect(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Applier, "_moved_on", _no)


def _a_release_is_believed_to_be_ready(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(processes.Wanted, "ready", property(lambda wanted: True))


def _dropped_processes_go_before_the_release_is_proven(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(processes, "still_proving", lambda draft, wanted: False)
    patch.setattr(routes, "still_proving", lambda draft, wanted: False)


def _an_idle_set_loses_its_route(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        routes,
        "_stands",
        lambda draft, key: any(s.key == key and s.live for s in draft.observed.sets),
    )


def _an_overtaken_release_that_serves_is_not_counted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(releases, "_serves_after_all", lambda observed, release: False)


def _orphans_are_left(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Orphans, "sweep", _nothing)


def _open_entries_are_left(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Recorder, "tidy", _nothing)


@pytest.mark.parametrize(
    ("mutate", "rates"),
    [
        (_routes_are_not_asked, LATE),
        (_fences_are_not_checked, LATE),
        (_no_second_look_before_an_effect, LATE),
        (_a_release_is_believed_to_be_ready, LATE),
        (_dropped_processes_go_before_the_release_is_proven, LATE),
        (_an_idle_set_loses_its_route, LATE),
        (_an_overtaken_release_that_serves_is_not_counted, LATE),
        (_orphans_are_left, None),
        (_open_entries_are_left, None),
    ],
)
def test_the_simulation_misses_the_guard(
    mutate: Mutate, rates: Rates | None, monkeypatch: pytest.MonkeyPatch
):
    mutate(monkeypatch)
    crash_at = () if rates is not None else None
    found = next(
        (seed for seed in range(1, 61) if simulate(seed, crash_at, rates).violations), None
    )
    assert found is not None, "60 histories, and nobody missed it"
