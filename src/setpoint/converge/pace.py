"""How soon to look at one app again: backoff after failures, patience while waiting. No I/O."""

from collections.abc import Callable
from dataclasses import dataclass, field

from setpoint.model.ids import AppId
from setpoint.model.steps import Plan, Step, Waiting

BACKOFF_S_MAX = 300.0
BACKOFF_S_FIRST = 0.005
WORKS_MAX = 30
"""Working passes in a row: a roll-out takes about six, and rests in between."""
TERMINAL_S = 600.0
"""After this long a step that failed for good is tried once more: the world may have changed in
a way that no fact shows (a disk was emptied, a package index came back)."""


def backoff_s(failures: int, luck: float) -> float:
    """Full jitter: anything between nothing and the doubled limit. `luck`: 0 <= luck < 1."""
    return luck * min(BACKOFF_S_MAX, BACKOFF_S_FIRST * 2.0 ** min(failures, 20))


@dataclass
class _Past:
    """What the last passes of one app came to. Only in memory: losing it costs a retry."""

    failures: int = 0
    works: int = 0
    looks: int = 0
    steps: tuple[Step, ...] = ()
    repeats: int = 0
    waiting: tuple[Waiting, ...] = ()
    refused: tuple[Step, ...] = ()
    refused_until: float = field(default=0.0)
    refusal: str = ""


class Pace:
    """`clock`: monotonic seconds. `luck`: uniform in [0, 1). `patience_s`: longest look-again."""

    def __init__(
        self, clock: Callable[[], float], luck: Callable[[], float], patience_s: float
    ) -> None:
        self._clock = clock
        self._luck = luck
        self._patience_s = patience_s
        self._past: dict[AppId, _Past] = {}

    def after_failure(self, app: AppId) -> float:
        past = self._of(app)
        past.failures += 1
        return backoff_s(past.failures, self._luck())

    def after_work(self, app: AppId, plan: Plan) -> float:
        """At once; but the very same steps again mean that the world does not show their effect,
        and work without a rest that it goes back and forth."""
        past = self._of(app)
        past.works += 1
        past.repeats = past.repeats + 1 if plan.steps == past.steps else 0
        if past.repeats or past.works > WORKS_MAX:
            return self.after_failure(app)
        past.steps, past.failures, past.looks = plan.steps, 0, 0
        return 0.0

    def follows_at_once(self, app: AppId, plan: Plan) -> bool:
        """Whether it is looked at at once if all of this plan is done well."""
        past = self._past.get(app)
        return past is None or (past.works < WORKS_MAX and past.steps != plan.steps)

    def after_look(self, app: AppId, plan: Plan) -> float | None:
        """A wake is expected, looking again is the fallback: twice as late each time, up to
        `patience_s`. None when settled."""
        if plan.settled:
            self._past.pop(app, None)
            return None
        past = self._of(app)
        past.looks = past.looks + 1 if plan.waiting == past.waiting else 0
        past.steps, past.waiting, past.failures, past.works = (), plan.waiting, 0, 0
        past.repeats = 0
        soonest_s = min(w.look_again_s for w in plan.waiting)
        return min(self._patience_s, soonest_s * 2.0 ** min(past.looks, 16))

    def repeats(self, app: AppId, plan: Plan) -> int:
        """How often in a row these very steps were done already, all of them well."""
        past = self._past.get(app)
        same = past is not None and bool(plan.steps) and past.steps == plan.steps
        return past.repeats + 1 if past is not None and same else 0

    def refuse(self, app: AppId, steps: tuple[Step, ...], message: str) -> float:
        """These steps failed for good: not again until they differ or `TERMINAL_S` have gone."""
        past = self._of(app)
        past.refused, past.refusal = steps, message
        past.refused_until = self._clock() + TERMINAL_S
        return TERMINAL_S

    def refusal(self, app: AppId, steps: tuple[Step, ...]) -> str | None:
        """Why these very steps need not be tried now, or None."""
        past = self._past.get(app)
        if past is None or past.refused != steps or self._clock() >= past.refused_until:
            return None
        return past.refusal

    def failing(self) -> tuple[AppId, ...]:
        """Whose last look or step failed."""
        return tuple(app for app, past in self._past.items() if past.failures)

    def forget(self, app: AppId) -> None:
        self._past.pop(app, None)

    def _of(self, app: AppId) -> _Past:
        return self._past.setdefault(app, _Past())
