"""What would prove a bet wrong, where it is a figure that Setpoint keeps."""

import re
from collections.abc import Sequence
from typing import cast, get_args

from setpoint.model.app import MIB
from setpoint.model.decision import Scope
from setpoint.model.errors import Invalid
from setpoint.model.release import ProcessType
from setpoint.model.signal import Comparison, Signal, SignalName
from setpoint.policy.names import shortened

SIGNAL_RE = re.compile(
    r"([a-z][a-z0-9_]{0,30}|error rate) *(<=|>=|<|>) *(\d{1,12}(?:\.\d{1,6})?) *(%|ms|s|MiB)?"
    r"(?: +over +(\d{1,5})([mhd]))?"
)
MEANT_RE = re.compile(r"(?:rps|error[_ ]rate|p99|memory|instances) *[<>]=? *\d.*", re.DOTALL)
"""Said as a figure: what is wrong with it must not make words of it, which nobody watches."""
SECONDS = {"m": 60, "h": 3600, "d": 86_400}
WINDOW_S, WINDOW_S_MIN, WINDOW_S_MAX = 86_400.0, 300.0, 30 * 86_400.0
UNITS: dict[str, dict[str, float]] = {
    "rps": {"": 1.0},
    "error_rate": {"": 1.0, "%": 0.01},
    "p99": {"ms": 0.001, "s": 1.0},
    "memory": {"MiB": MIB},
    "instances": {"": 1.0},
}
"""Of each signal, what its bound may be said in."""
OF_ANSWERS = ("rps", "error_rate", "p99")
HINT = (
    "measured are rps, error_rate, p99, memory and instances, as in 'rps < 50 over 7d'; anything "
    "else can be said in words"
)


def signal(said: str) -> Signal | None:
    """None for what is words. One that cannot be measured is refused by name. Raises Invalid."""
    match = SIGNAL_RE.fullmatch(said)
    if match is None and MEANT_RE.fullmatch(said):
        raise Invalid(f"cannot watch '{shortened(said)}': it cannot be read", HINT)
    if match is None:
        return None
    name, comparison, bound, unit, count, span = match.groups()
    name = name.replace(" ", "_")
    if name not in get_args(SignalName):
        raise Invalid(f"cannot watch '{name}': it is not measured", HINT)
    factor = UNITS[name].get(unit or "")
    if factor is None:
        told = " or ".join(u for u in UNITS[name] if u) or "no unit"
        raise Invalid(f"cannot watch {name} in '{unit or 'no unit'}': it is said in {told}", HINT)
    window_s = float(count) * SECONDS[span] if count else WINDOW_S
    if not WINDOW_S_MIN <= window_s <= WINDOW_S_MAX:
        raise Invalid(f"cannot watch {name} over {count}{span}: from 5m to 30d can be looked at")
    return Signal(
        cast("SignalName", name), cast("Comparison", comparison), float(bound) * factor, window_s
    )


def watched(signal: Signal, governs: Sequence[Scope]) -> tuple[str, str]:
    """(app id, process or '') that it is measured of: what the decision governs. Raises Invalid."""
    apps = {scope.unit for scope in governs}
    if len(apps) != 1 or "" in apps:
        raise Invalid(
            f"cannot watch {signal.name}: it is measured of one app",
            "name that one, or a process of it: --on shop:web",
        )
    processes = {_process(scope.path) for scope in governs}
    return apps.pop(), processes.pop() if len(processes) == 1 else ""


def check_measured(signal: Signal, app: str, process: str, known: Sequence[ProcessType]) -> None:
    """`known`: what the newest release runs. Raises Invalid."""
    of = [p for p in known if process in ("", p.name) and p.kind != "release"]
    if not of:
        raise Invalid(
            f"cannot watch {signal.name} of '{app}': nothing of it was deployed yet",
            "deploy first, or say it in words",
        )
    if signal.name in OF_ANSWERS and all(p.kind not in ("web", "function") for p in of):
        raise Invalid(
            f"cannot watch {signal.name} of '{app}': {' and '.join(p.name for p in of)} "
            "answers no requests",
            "of all else memory and instances are measured; or say it in words",
        )


def _process(path: str) -> str:
    """`formation.web.max` and `*.web.*` are about web."""
    parts = path.split(".")
    return parts[1] if len(parts) == 3 and parts[0] in ("formation", "*") else ""
