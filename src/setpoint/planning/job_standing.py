"""What the supervisor may do about a running job without asking. Pure; sets have `standing`."""

from setpoint.model.job import HangUp, JobActs, JobWatch, KillJob
from setpoint.planning.standing import GRACE_S

AWAY_S_MAX = 20.0
"""A terminal that breaks off may come back: the daemon is replaced, a network hiccups."""


def decide(watch: JobWatch, now_s: float) -> JobActs:
    """`now_s`: unix seconds."""
    if watch.killed:
        return JobActs()
    limit_s = watch.started_at_s + watch.run_s_max - now_s
    if limit_s <= 0:
        return JobActs(KillJob(f"not done within {watch.run_s_max:g} s", late=True))
    wakes = [limit_s]
    if watch.stop_at_s is not None:
        left_s = watch.stop_at_s + GRACE_S - now_s
        if left_s <= 0:
            return JobActs(KillJob(f"still running {GRACE_S:g} s after SIGTERM"))
        wakes.append(left_s)
    elif watch.away_at_s is not None and not watch.hung_up:
        left_s = watch.away_at_s + AWAY_S_MAX - now_s
        if left_s <= 0:
            return JobActs(HangUp(f"nobody has been at its terminal for {AWAY_S_MAX:g} s"))
        wakes.append(left_s)
    return JobActs(None, min(wakes))
