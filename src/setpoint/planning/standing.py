"""Standing orders: what the supervisor may do without asking. Pure: `decide(order, facts, now)`.

It runs inside the supervisor, also while the daemon is down, and in the simulated world.
"""

from setpoint.model.app import Probe
from setpoint.model.process import (
    Act,
    Acts,
    Drain,
    Exit,
    GiveUp,
    Instance,
    Kill,
    Phase,
    SetFacts,
    SetOrder,
    Start,
    Stop,
)
from setpoint.planning.scaling import crowded, queueing, roomy

GRACE_S = 30.0
"""Between SIGTERM and SIGKILL, as on Heroku (R12)."""
FUNCTION_GRACE_S = 130.0
"""A function's worker takes nothing new from SIGTERM on, and what it has begun may run for 120 s;
then it ends by itself."""
DRAIN_S_MAX = 5.0
"""How long to wait for the edge to say that no new request can arrive; it may be down."""
ANSWER_S_MAX = 30.0
"""How long what is in hand may keep an instance from its SIGTERM: the edge waits so long for an
answer to begin. What takes longer (a websocket) is its own to end, within `GRACE_S`."""
IN_HAND_LOOK_S = 0.2
BACKOFF_S_MAX = 300.0
FUNCTION_BACKOFF_S_MAX = 8.0
"""Of a function: what ended it may have been one caller's input, and others wait in its queue, for
two minutes at most."""
STEADY_S = 60.0
"""Ready for this long, and its earlier crashes no longer count."""


def restart_delay_s(crashes: int) -> float:
    """At once after the first crash, then 1, 2, 4 ... seconds, at most `BACKOFF_S_MAX`."""
    return 0.0 if crashes <= 1 else min(BACKOFF_S_MAX, 2.0 ** min(crashes - 2, 20))


def backoff_s_max(order: SetOrder) -> float:
    return FUNCTION_BACKOFF_S_MAX if order.spec.kind == "function" else BACKOFF_S_MAX


def probe_due(order: SetOrder, facts: SetFacts) -> Probe | None:
    """What a web instance that listens is asked now, before it counts as ready; None: nothing."""
    probe = order.probe
    if probe is None or not probe.path or (probe.once and facts.ever_ready):
        return None
    return probe


def decide(order: SetOrder, facts: SetFacts, now_s: float) -> Acts:
    """What to do now, each act with its reason, and when to look again. `now_s`: unix seconds."""
    closing, again = _finish_stopping(order, facts, now_s)
    if order.mode == "freeze" and not facts.retiring:
        # What was told to stop is stopped, and nothing else is done.
        return Acts(tuple(closing), max(0.0, min(again)) if again else None)
    booting, again_boot = _boot_deadlines(order, facts, now_s)
    acts: list[Act] = [*closing, *booting]
    wakes = [*again, *again_boot]
    doomed = {a.instance for a in booting}
    up = [i for i in facts.up if i.id not in doomed]
    if facts.retiring or order.bounds.max == 0:
        acts += [Drain(i.id, "this set is no longer wanted") for i in up]
    elif not booting:  # how a start failed decides on the next one, so its end is awaited
        more, when = _towards(order, facts, up, now_s)
        acts += more
        wakes += when
    if any(isinstance(a, Drain | Start) for a in acts):
        wakes.append(DRAIN_S_MAX)
    return Acts(tuple(acts), max(0.0, min(wakes)) if wakes else None)


def grace_s(order: SetOrder) -> float:
    """How long after SIGTERM it may go on."""
    return FUNCTION_GRACE_S if order.spec.kind == "function" else GRACE_S


def _finish_stopping(
    order: SetOrder, facts: SetFacts, now_s: float
) -> tuple[list[Act], list[float]]:
    acts: list[Act] = []
    wakes: list[float] = []
    for i in facts.instances:
        since_s = now_s - (i.stop_at_s if i.stop_at_s is not None else now_s)
        if i.phase is Phase.DRAINING:
            why, left_s = _may_stop(i, since_s)
            if why:
                acts.append(Stop(i.id, why))
            else:
                wakes.append(left_s)
        elif i.phase is Phase.STOPPING:
            left_s = grace_s(order) - since_s
            if left_s <= 0:
                acts.append(Kill(i.id, f"still running {grace_s(order):g} s after SIGTERM"))
            else:
                wakes.append(left_s)
    return acts, wakes


def _may_stop(i: Instance, since_s: float) -> tuple[str, float]:
    """Why what drains is told to end, or '' and when to look again."""
    if not i.drained and since_s < DRAIN_S_MAX:
        return "", DRAIN_S_MAX - since_s
    if i.in_hand and since_s < ANSWER_S_MAX:
        return "", min(IN_HAND_LOOK_S, ANSWER_S_MAX - since_s)
    if i.in_hand:
        return f"{_requests(i.in_hand)} still in hand after {ANSWER_S_MAX:g} s", 0.0
    if i.drained:
        return "no request can reach it any more", 0.0
    return f"the edge did not confirm within {DRAIN_S_MAX:g} s", 0.0


def _boot_deadlines(
    order: SetOrder, facts: SetFacts, now_s: float
) -> tuple[list[Kill], list[float]]:
    acts: list[Kill] = []
    wakes: list[float] = []
    for i in facts.instances:
        if i.phase is not Phase.STARTING:
            continue
        left_s = i.started_at_s + order.bounds.boot_s_max - now_s
        if left_s <= 0:
            acts.append(Kill(i.id, f"not ready within {order.bounds.boot_s_max:g} s of its start"))
        else:
            wakes.append(left_s)
    return acts, wakes


def _towards(
    order: SetOrder, facts: SetFacts, up: list[Instance], now_s: float
) -> tuple[list[Act], list[float]]:
    if facts.gave_up:
        return [], []
    if _hopeless(order, facts) and not up:
        return [GiveUp(f"never ready in {facts.failures} starts")], []
    if order.mode == "enforce" and any(i.outdated for i in up):
        return _replace_outdated(order, facts, up, now_s)
    count, reason = _count_wanted(order, facts, up, now_s)
    if len(up) < count:
        return _start_more(order, facts, up, count, reason, now_s)
    if len(up) > count:
        surplus = sorted(up, key=lambda i: (i.phase is Phase.READY, -i.ordinal))
        return [Drain(i.id, reason) for i in surplus[: len(up) - count]], []
    return [], _idle_wake(order, facts, up, now_s)


def _replace_outdated(
    order: SetOrder, facts: SetFacts, up: list[Instance], now_s: float
) -> tuple[list[Act], list[float]]:
    """As many new ones as are up, and each that gets ready lets an old one go."""
    old = [i for i in up if i.outdated]
    new = [i for i in up if not i.outdated]
    count = min(order.bounds.max, max(order.bounds.min, len(old), len(new)))
    reason = "the files of those before were altered, and laid again"
    if len(new) < count:
        return _start_more(order, facts, new, count, reason, now_s)
    ready = sum(i.phase is Phase.READY for i in new)
    old.sort(key=lambda i: (i.phase is Phase.READY, -i.ordinal))
    spare = max(0, ready + len(old) - count)
    return [Drain(i.id, f"{reason}; another has taken over") for i in old[:spare]], []


def _hopeless(order: SetOrder, facts: SetFacts) -> bool:
    """A start that hung is not tried again: each try would cost the whole boot time."""
    if facts.ever_ready or order.attempts_max == 0:
        return False
    hung = facts.last_exit is not None and facts.last_exit.timed_out
    return hung or facts.failures >= order.attempts_max


def _count_wanted(
    order: SetOrder, facts: SetFacts, up: list[Instance], now_s: float
) -> tuple[int, str]:
    """How many ought to be up now, and the sentence for why."""
    bounds = order.bounds
    if not facts.ever_ready and bounds.min == 0:
        return 1, "it has to prove once that it can start"
    starting = any(i.phase is Phase.STARTING for i in up)
    if facts.waiting and not starting and len(up) < bounds.max:
        return len(up) + 1, f"{_requests(facts.waiting)} waiting"
    if len(up) > bounds.max:
        return bounds.max, f"{len(up)} up, at most {bounds.max} intended"
    if len(up) > bounds.min and _idle_left_s(order, facts, now_s) <= 0:
        return bounds.min, f"no request for {bounds.idle_s:g} s"
    by_load = _by_load(order, facts, up, now_s)
    if by_load is not None:
        return by_load
    least = bounds.min - (facts.lost if order.mode == "report" else 0)
    if len(up) < least:
        return least, f"{len(up)} up, {bounds} intended"
    return len(up), ""


def _by_load(
    order: SetOrder, facts: SetFacts, up: list[Instance], now_s: float
) -> tuple[int, str] | None:
    """A function's queue tells by itself when it is too many for those that are up."""
    if order.spec.kind == "web" and order.bounds.min <= len(up) < order.bounds.max:
        why = crowded(order, facts, up, now_s) or queueing(facts, up, now_s)
        if why:
            return len(up) + 1, why
    why, _ = roomy(order, facts, up, now_s)
    return (len(up) - 1, why) if why else None


def _requests(count: int) -> str:
    return "1 request is" if count == 1 else f"{count} requests are"


def _start_more(
    order: SetOrder, facts: SetFacts, up: list[Instance], count: int, reason: str, now_s: float
) -> tuple[list[Act], list[float]]:
    left_s = 0.0
    if facts.last_exit is not None and not facts.last_exit.expected:
        delay_s = min(restart_delay_s(facts.crashes), backoff_s_max(order))
        left_s = facts.last_exit.at_s + delay_s - now_s
    if left_s > 0:
        return [], [left_s]
    if facts.crashes and facts.last_exit is not None and not _answered(facts.last_exit, up):
        reason = f"the last one {facts.last_exit.text}; {reason}"
    taken = {i.ordinal for i in facts.live}
    free = [n for n in range(1, count + len(taken) + 1) if n not in taken]
    return [Start(n, reason) for n in free[: count - len(up)]], []


def _answered(exit: Exit, up: list[Instance]) -> bool:
    """Another was started since: whatever is wanted beyond that one has another reason."""
    return any(i.started_at_s >= exit.at_s for i in up)


def _idle_left_s(order: SetOrder, facts: SetFacts, now_s: float) -> float:
    if facts.in_flight or facts.waiting:
        return order.bounds.idle_s
    newest = max((i.ready_at_s or now_s for i in facts.instances), default=now_s)
    return max(facts.last_used_s, newest) + order.bounds.idle_s - now_s


def _idle_wake(order: SetOrder, facts: SetFacts, up: list[Instance], now_s: float) -> list[float]:
    if len(up) <= order.bounds.min:
        return []
    roomy_s = roomy(order, facts, up, now_s)[1]
    return [
        *([] if roomy_s is None else [max(roomy_s, 0.05)]),
        max(_idle_left_s(order, facts, now_s), 0.05),
    ]
