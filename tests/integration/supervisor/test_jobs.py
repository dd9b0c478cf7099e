"""Jobs on real parts: once or never, whoever dies meanwhile; and their end is told."""

import json
import os
import shutil
import signal

import pytest

from setpoint.formats import control
from tests.integration.supervisor import programs
from tests.integration.supervisor.plane import MIB, Plane
from tests.support.waiting import until

SAYS_WHO = """
import json
import os
print(os.environ["DYNO"], os.environ["PORT"].isdigit(), os.environ["GREETING"], os.getcwd())
"""
SLOW = "import time; print('begun'); time.sleep(1.5); raise SystemExit(7)"
IGNORES = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf')\n" + (
    "time.sleep(600)"
)


def starts(plane: Plane, name: str = "shop") -> int:
    return sum(line.text.startswith("Starting process") for line in plane.log(name))


def test_a_job_runs_as_its_app_does_and_says_so_in_the_log(plane: Plane) -> None:
    job = plane.job("shop", SAYS_WHO)
    plane.exec(job, GREETING="hello")
    facts = plane.job_ended(job)
    assert facts.exit is not None
    assert facts.exit.code == 0
    told = [(line.source, line.dyno, line.text) for line in plane.log("shop")]
    assert ("app", "run.1001", "run.1001 True hello /app") in told
    assert ("heroku", "run.1001", "Process exited with status 0") in told
    assert ("heroku", "run.1001", "State changed from up to complete") in told


def test_a_command_that_is_not_there_ends_with_127(plane: Plane) -> None:
    job = plane.job("shop", command="no-such-program --now")
    plane.exec(job)
    facts = plane.job_ended(job)
    assert facts.exit is not None
    assert facts.exit.code == 127
    assert any("no-such-program" in line for line in facts.last_lines)


def test_a_job_outlives_its_supervisor_and_its_end_is_told(plane: Plane) -> None:
    job = plane.job("shop", SLOW)
    plane.exec(job)
    plane.says("shop", "begun")
    plane.signal_supervisor(signal.SIGKILL)
    facts = plane.job_ended(job)
    assert facts.exit is not None
    assert facts.exit.code == 7
    assert starts(plane) == 1


def test_an_end_that_no_supervisor_saw_is_told_with_its_code(plane: Plane) -> None:
    job = plane.job("shop", SLOW)
    plane.exec(job)
    plane.says("shop", "begun")
    plane.kill()
    until(lambda: _status_of(plane), what="the job has ended on its own")
    plane.up()
    facts = plane.job_ended(job)
    assert facts.exit is not None
    assert facts.exit.code == 7


def test_an_end_that_could_not_be_written_down_is_told_by_the_next_supervisor(
    plane: Plane,
) -> None:
    job = plane.job("shop", SLOW)
    plane.exec(job)
    plane.says("shop", "begun")
    (written,) = plane.paths.job_ledger.glob("*.jsonl")
    kept = written.rename(written.with_suffix(".kept"))
    written.mkdir()
    plane.says("shop", "Process exited with status 7")
    assert (facts := plane.job_facts(job)) is not None
    assert facts.state == "running"
    plane.kill()
    written.rmdir()
    kept.rename(written)
    plane.up()
    facts = plane.job_ended(job)
    assert facts.exit is not None
    assert facts.exit.code == 7
    until(lambda: list(plane.paths.jobs.iterdir()) == [], what="its files are gone")


def test_a_job_that_went_down_with_the_machine_is_lost_and_not_run_again(plane: Plane) -> None:
    job = plane.job("shop", programs.TICKS)
    plane.exec(job)
    plane.says("shop", "tick")
    (pid,) = _pids(plane)
    plane.kill()
    os.kill(pid, signal.SIGKILL)
    shutil.rmtree(plane.paths.runtime, ignore_errors=True)  # namespaces are pinned in it
    plane.up()
    facts = plane.job_ended(job)
    assert (facts.state, facts.exit) == ("lost", None)
    plane.exec(job)
    assert plane.job_facts(job) == facts
    assert starts(plane) == 1


def test_a_job_whose_records_are_wiped_goes_on_under_the_next_supervisor(plane: Plane) -> None:
    job = plane.job("shop", programs.TICKS)
    plane.exec(job)
    plane.says("shop", "tick")
    plane.kill()
    shutil.rmtree(plane.paths.jobs)
    plane.up()
    facts = plane.job_facts(job)
    assert facts is not None
    assert facts.state == "running"
    plane.run(lambda driver: driver.stop_job(job.app, job.id))
    assert plane.job_ended(job).state in ("ended", "lost")


def test_a_job_is_not_started_twice_when_the_supervisor_dies_at_its_hand_over(
    plane: Plane,
) -> None:
    job = plane.job("shop", SLOW)
    for _ in range(3):
        plane.exec(job)
        plane.signal_supervisor(signal.SIGKILL)
    plane.exec(job)
    facts = plane.job_ended(job)
    assert facts.exit is not None
    assert facts.exit.code == 7
    assert starts(plane) == 1


def test_running_out_of_memory_is_told(plane: Plane) -> None:
    if not plane.probe().limits:
        pytest.skip("needs control groups: without them nobody counts")
    job = plane.job("shop", programs.EATS_MEMORY)
    plane.exec(job)
    facts = plane.job_ended(job)
    assert facts.exit is not None
    assert facts.exit.oom
    assert facts.exit.text == "ran out of memory and was killed"
    plane.says("shop", f"Error R15 (Memory quota vastly exceeded) -> it needed more than {256}M")
    assert job.spec.memory_bytes_max == 256 * MIB


def test_the_ledger_outlives_the_app(plane: Plane) -> None:
    job = plane.job("shop", "print('once')")
    plane.exec(job)
    facts = plane.job_ended(job)
    plane.tell(control.DropApp(job.app))
    plane.exec(job)
    assert plane.job_facts(job) == facts


def test_down_with_apps_ends_jobs_too(plane: Plane) -> None:
    job = plane.job("shop", programs.TICKS)
    plane.exec(job)
    plane.says("shop", "tick")
    plane.stop_apps()
    facts = plane.job_facts(job)
    assert facts is not None
    assert facts.exit is not None
    assert facts.exit.expected


def test_a_job_that_heeds_no_sigterm_is_killed_at_its_limit(plane: Plane) -> None:
    job = plane.job("shop", IGNORES, run_s_max=3.0)
    plane.exec(job)
    plane.says("shop", "deaf")
    plane.run(lambda driver: driver.stop_job(job.app, job.id))
    plane.signal_supervisor(signal.SIGKILL)
    facts = plane.job_ended(job)
    assert facts.exit is not None
    assert facts.exit.timed_out


def _pids(plane: Plane) -> list[int]:
    records = [json.loads(path.read_bytes()) for path in plane.paths.jobs.glob("*.json")]
    return [int(record["identity"]["inner_pid"]) for record in records]


def _status_of(plane: Plane) -> bool:
    return any(b"exit-code" in path.read_bytes() for path in plane.paths.jobs.glob("*.status"))
