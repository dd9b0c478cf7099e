from pathlib import Path
from typing import Literal

import pytest
from msgspec.structs import replace

from setpoint.drivers import clock as clocks
from setpoint.drivers.local.files import DiskFolder
from setpoint.drivers.local.ledger import DAY_S, KEEP_S, SURE_S, Ledger
from setpoint.drivers.local.names import InstanceName, JobName
from setpoint.drivers.local.vetting import vet_job, vet_job_id
from setpoint.model.errors import Terminal
from setpoint.model.ids import AppId, JobId
from setpoint.model.job import RUN_S_MAX, JobFacts, JobOrder
from setpoint.model.process import Exit
from tests.unit.drivers.test_facts import SPEC

APP = AppId("7b1f6a52-0000-4000-8000-000000000001")
ORDER = JobOrder(JobId("a1"), APP, "shop", "run.1001", SPEC, RUN_S_MAX)


class Clock(clocks.Clock):
    at_s = 1_800_000_000.0

    def __init__(self) -> None:
        self.ahead_s = 0.0
        super().__init__(lambda: self.at_s + self.ahead_s, lambda: self.at_s)

    def set_ahead(self, by_s: float) -> None:
        self.ahead_s = by_s
        self.heed()


def facts(id: str, state: Literal["running", "ended", "lost"] = "running") -> JobFacts:
    exit = Exit(0, 1.0) if state == "ended" else None
    return JobFacts(JobId(id), APP, "run.1001", state, 1.0, exit=exit)


def test_what_was_entered_is_known_to_the_next_ledger(tmp_path: Path) -> None:
    clock = Clock()
    before = Ledger(DiskFolder(tmp_path), clock)
    before.enter(facts("a1"), ORDER)
    before.enter(facts("b2"))
    before.enter(facts("b2", "ended"))
    after = Ledger(DiskFolder(tmp_path), clock)
    one, two = after.line(JobId("a1")), after.line(JobId("b2"))
    assert one is not None
    assert one.order == ORDER
    assert two is not None
    assert two.facts == facts("b2", "ended")
    assert after.line(JobId("c3")) is None


def test_a_line_that_a_power_cut_tore_ends_nothing_but_itself(tmp_path: Path) -> None:
    clock = Clock()
    Ledger(DiskFolder(tmp_path), clock).enter(facts("a1"))
    (path,) = tmp_path.iterdir()
    with path.open("ab") as file:
        file.write(b'\n{"facts": {"id": "to')
    Ledger(DiskFolder(tmp_path), clock).enter(facts("b2"))
    last = Ledger(DiskFolder(tmp_path), clock)
    assert {line.facts.id for line in last.lines()} == {"a1", "b2"}


def test_ids_are_forgotten_by_age_but_never_what_runs(tmp_path: Path) -> None:
    clock = Clock()
    ledger = Ledger(DiskFolder(tmp_path), clock)
    ledger.enter(facts("a1"), ORDER)
    ledger.enter(facts("b2", "ended"))
    clock.at_s += KEEP_S - DAY_S
    ledger.enter(facts("c3", "ended"))
    assert len(ledger.lines()) == 3
    clock.at_s += 3 * DAY_S
    ledger.enter(facts("d4", "ended"))
    assert {line.facts.id for line in ledger.lines()} == {"a1", "c3", "d4"}
    later = Ledger(DiskFolder(tmp_path), clock)
    assert {line.facts.id for line in later.lines()} == {"a1", "c3", "d4"}
    running = later.line(JobId("a1"))
    assert running is not None
    assert running.order == ORDER
    assert len(list(tmp_path.iterdir())) == 2


def test_a_clock_that_jumps_by_a_month_makes_nothing_old(tmp_path: Path) -> None:
    clock = Clock()
    ledger = Ledger(DiskFolder(tmp_path), clock)
    ledger.enter(facts("a1", "ended"))
    clock.at_s += KEEP_S + 3 * DAY_S
    ledger.enter(facts("b2"), ORDER)
    assert ledger.line(JobId("a1")) is not None
    assert Ledger(DiskFolder(tmp_path), clock).line(JobId("a1")) is not None
    clock.at_s += DAY_S
    ledger.enter(facts("c3", "ended"))
    assert ledger.line(JobId("a1")) is None


def test_what_was_told_by_a_clock_that_was_a_year_late_is_not_old_once_that_is_put_right(
    tmp_path: Path,
) -> None:
    clock = Clock()
    ledger = Ledger(DiskFolder(tmp_path), clock)
    ledger.enter(facts("a1", "ended"))
    clock.at_s += DAY_S
    clock.set_ahead(-400 * DAY_S)
    ledger.enter(facts("b2", "ended"))
    clock.set_ahead(0.0)
    ledger.enter(facts("c3", "ended"))
    assert ledger.line(JobId("b2")) is not None
    assert Ledger(DiskFolder(tmp_path), clock).line(JobId("b2")) is not None
    clock.at_s += SURE_S
    ledger.enter(facts("d4", "ended"))
    assert {line.facts.id for line in ledger.lines()} == {"a1", "c3", "d4"}


def test_what_an_earlier_boot_told_is_young_for_an_hour_of_this_one(tmp_path: Path) -> None:
    clock = Clock()
    clock.set_ahead(-400 * DAY_S)
    Ledger(DiskFolder(tmp_path), clock).enter(facts("a1", "ended"))
    booted = Clock()
    booted.at_s, booted.ahead_s = SURE_S - 60.0, clock.at_s
    booted.heed()
    ledger = Ledger(DiskFolder(tmp_path), booted)
    ledger.enter(facts("b2", "ended"))
    booted.ahead_s += DAY_S
    booted.heed()
    ledger.enter(facts("c3", "ended"))
    assert {line.facts.id for line in ledger.lines()} == {"a1", "b2", "c3"}
    booted.at_s += 60.0
    ledger.enter(facts("d4", "ended"))
    assert {line.facts.id for line in ledger.lines()} == {"b2", "c3", "d4"}


def test_what_stays_keeps_all_that_was_told_after_it(tmp_path: Path) -> None:
    """Its end may be there."""
    clock = Clock()
    ledger = Ledger(DiskFolder(tmp_path), clock)
    clock.set_ahead(-400 * DAY_S)
    ledger.enter(facts("a1"), ORDER)
    clock.set_ahead(-399 * DAY_S)
    ledger.enter(facts("a1", "ended"))
    clock.at_s += SURE_S
    clock.set_ahead(-400 * DAY_S)
    ledger.enter(facts("b2", "ended"))
    clock.set_ahead(-DAY_S)
    ledger.enter(facts("c3", "ended"))
    clock.set_ahead(0.0)
    ledger.enter(facts("d4", "ended"))
    after = Ledger(DiskFolder(tmp_path), clock)
    assert {line.facts.state for line in after.lines()} == {"ended"}
    assert {line.facts.id for line in after.lines()} == {"a1", "b2", "c3", "d4"}


def test_an_end_stays_the_newest_though_it_is_the_first_line_after_a_long_time(
    tmp_path: Path,
) -> None:
    clock = Clock()
    ledger = Ledger(DiskFolder(tmp_path), clock)
    ledger.enter(facts("a1"), ORDER)
    clock.at_s += DAY_S
    ledger.enter(facts("b2", "ended"))
    clock.at_s += KEEP_S + 3 * DAY_S
    ledger.enter(facts("a1", "ended"))
    (*_, newest) = sorted(tmp_path.iterdir())
    said = [line for line in newest.read_text().split("\n") if line]
    assert [('"running"' in line, '"ended"' in line) for line in said] == [
        (True, False),
        (False, True),
    ]
    after = Ledger(DiskFolder(tmp_path), clock).line(JobId("a1"))
    assert after is not None
    assert after.facts.state == "ended"


def test_an_end_counts_though_the_clock_was_set_back_before_it(tmp_path: Path) -> None:
    clock = Clock()
    ledger = Ledger(DiskFolder(tmp_path), clock)
    ledger.enter(facts("a1"), ORDER)
    clock.at_s -= 400 * DAY_S
    ledger.enter(facts("a1", "ended"))
    clock.at_s += 401 * DAY_S
    ledger.enter(facts("b2", "ended"))
    clock.at_s += DAY_S
    ledger.enter(facts("c3", "ended"))
    after = Ledger(DiskFolder(tmp_path), clock).line(JobId("a1"))
    assert after is not None
    assert after.facts.state == "ended"


def test_a_jobs_name_on_the_host_holds_its_id_and_is_no_instances() -> None:
    name = JobName(JobId("0a-1b"), "scheduler.4821")
    assert JobName.parse(str(name)) == name
    assert InstanceName.parse(str(name)) is None
    assert JobName.parse("web.abc123.1.a1b2c3.10001") is None


@pytest.mark.parametrize(
    "order",
    [
        {"id": "../x"},
        {"dyno": "run"},
        {"dyno": "../../x.1"},
        {"run_s_max": 0.0},
        {"run_s_max": float("nan")},
        {"run_s_max": RUN_S_MAX + 1},
        {"app": "/"},
    ],
)
def test_the_supervisor_refuses_a_malformed_job(order: dict[str, object]) -> None:
    with pytest.raises(Terminal, match="cannot "):
        vet_job(replace(ORDER, **order), {})


def test_the_supervisor_refuses_an_environment_no_process_can_have() -> None:
    with pytest.raises(Terminal, match="config var"):
        vet_job(ORDER, {"A=B": "c"})
    with pytest.raises(Terminal, match="job id"):
        vet_job_id(JobId("x" * 10))
    vet_job(ORDER, {"A": "b"})
