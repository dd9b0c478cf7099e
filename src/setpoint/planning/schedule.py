"""When a scheduled command was due, and when it will be. Cron's five fields, in UTC. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

from setpoint.model.errors import Invalid
from setpoint.model.job import CronJob

NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
CHARS_MAX = 100


def check(schedule: str, where: str) -> None:
    """Raises Invalid. `where` names it in the message."""
    try:
        next(CronSim(_fields(schedule), datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration):
        raise Invalid(
            f"cannot read {where}: {schedule[:CHARS_MAX]!r} is no schedule",
            "five fields (minute hour day month weekday), or @hourly, @daily, @weekly, @monthly",
        ) from None


def check_jobs(jobs: Iterable[CronJob], where: str) -> None:
    """Raises Invalid, also for one that is there twice: it would run twice each time."""
    seen: dict[tuple[str, str], int] = {}
    for place, job in enumerate(jobs):
        check(job.schedule, f"{where}[{place}].schedule")
        key = " ".join(_fields(job.schedule).split()), job.command
        if key in seen:
            raise Invalid(
                f"cannot read {where}[{place}]: it repeats [{seen[key]}]", "leave one out"
            )
        seen[key] = place


def last_due_s(schedule: str, now_s: float) -> float:
    """The newest moment at or before `now_s`. Unix seconds, as everywhere."""
    moment = datetime.fromtimestamp(int(now_s) + 1, UTC)
    return next(CronSim(_fields(schedule), moment, reverse=True)).timestamp()


def next_due_s(schedule: str, now_s: float) -> float:
    """The first moment after `now_s`."""
    return next(CronSim(_fields(schedule), datetime.fromtimestamp(now_s, UTC))).timestamp()


def _fields(schedule: str) -> str:
    return NICKNAMES.get(schedule.strip().lower(), schedule.strip())
