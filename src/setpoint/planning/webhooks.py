"""What becomes of a delivery after an attempt."""

from msgspec.structs import replace

from setpoint.model.webhook import Delivery

AGAIN_S_MIN, AGAIN_S_MAX = 10.0, 4 * 3600.0
SPREAD_MIN, SPREAD_MAX = 0.75, 1.25
AGAIN_S_LONGEST = AGAIN_S_MAX * SPREAD_MAX
GIVEN_UP_S, TRIED_MIN = 72 * 3600.0, 16
"""So long a `sync` webhook is tried, as on Heroku, and so often: a clock may have jumped."""


def after(delivery: Delivery, code: int | None, error: str, now_s: float, luck: float) -> Delivery:
    """`code`: of the answer, None where there was none, but `error`. `luck`: 0 to 1."""
    tried = replace(
        delivery,
        attempts=delivery.attempts + 1,
        code=code,
        error=error,
        attempted_at_s=now_s,
        next_at_s=None,
    )
    if code is not None and 200 <= code < 300:
        return replace(tried, status="succeeded")
    again_at_s = now_s + again_s(tried.attempts, luck)
    late = again_at_s - delivery.created_at_s > GIVEN_UP_S and tried.attempts >= TRIED_MIN
    if delivery.level != "sync" or late:
        return replace(tried, status="failed")
    return replace(tried, status="retrying", next_at_s=again_at_s)


def again_s(attempts: int, luck: float) -> float:
    wait_s = min(AGAIN_S_MAX, AGAIN_S_MIN * 2.0 ** min(attempts - 1, 20))
    return wait_s * (SPREAD_MIN + (SPREAD_MAX - SPREAD_MIN) * luck)
