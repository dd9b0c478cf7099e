"""Take one safety guard away, and the simulation must notice. A guard nobody misses is no guard."""

from collections.abc import Callable
from typing import Any

import pytest

from setpoint.converge.applier import Applier
from setpoint.converge.orphans import Orphans
from setpoint.converge.recorder import Recorder
from setpoint.model.job import JobOrder
from setpoint.planning import (
    jobs,
    processes,
    release_phase,
    releases,
    removal,
    retention,
    routes,
    standing,
)
from setpoint.testing.faults import Rates
from setpoint.testing.jobs import SimJobs
from setpoint.testing.simulate import simulate
from setpoint.testing.store import SimStore
from setpoint.testing.supervisor import SimSupervisor

LATE = Rates(late=0.2, stale=0.3)
"""Commands that arrive late and reads from the past: what fences and second looks are for."""

HISTORIES = 300
"""More than the rarest of these guards needs to be missed."""

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


def _the_ledger_of_jobs_is_not_asked(patch: pytest.MonkeyPatch) -> None:
    real = SimJobs.exec

    def forgetful(jobs: SimJobs, order: JobOrder, environment: dict[str, str]) -> None:
        jobs.ledger.pop(order.id, None)
        real(jobs, order, environment)

    patch.setattr(SimJobs, "exec", forgetful)


def _a_job_is_not_written_down_before_it_is_handed_over(patch: pytest.MonkeyPatch) -> None:
    real = SimStore.begin_pass

    async def forgetful(store: SimStore, entries: Any, jobs: Any = ()) -> tuple[int, ...]:
        return await real(store, entries)

    patch.setattr(SimStore, "begin_pass", forgetful)


def _a_release_phase_is_not_waited_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(release_phase, "plan_release_phase", lambda draft: None)


def _an_earlier_release_phase_is_not_waited_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(jobs, "phase_ahead", lambda draft, id, version: None)


def _an_app_is_forgotten_while_a_job_of_it_runs(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(removal, "_end_jobs", lambda draft, because: False)


def _a_job_that_was_told_to_end_counts_as_done(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(jobs, "_verdict", lambda exit: "failed" if exit.code else "succeeded")


def _listening_is_taken_for_answering(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(standing, "probe_due", lambda order, facts: None)


def _requests_move_before_the_set_is_ready(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(routes, "_target", lambda draft, wanted, want: want.order.key)


def _what_a_release_needs_is_not_counted(patch: pytest.MonkeyPatch) -> None:
    nothing: frozenset[str] = frozenset()
    needs = retention._Needs(nothing, nothing, nothing)
    patch.setattr(retention, "_needs", lambda helds, things: needs)


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
        (_the_ledger_of_jobs_is_not_asked, LATE),
        (_a_job_is_not_written_down_before_it_is_handed_over, None),
        (_a_release_phase_is_not_waited_for, None),
        (_an_earlier_release_phase_is_not_waited_for, None),
        (_an_app_is_forgotten_while_a_job_of_it_runs, None),
        (_a_job_that_was_told_to_end_counts_as_done, LATE),
        (_listening_is_taken_for_answering, None),
        (_requests_move_before_the_set_is_ready, None),
        (_what_a_release_needs_is_not_counted, None),
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
        (seed for seed in range(1, HISTORIES + 1) if simulate(seed, crash_at, rates).violations),
        None,
    )
    assert found is not None, f"{HISTORIES} histories, and nobody missed it"
