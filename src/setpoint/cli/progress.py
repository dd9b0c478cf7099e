"""How long it may take, from how long this kind of thing took for this app before: said once at the
beginning, once if it takes longer, and counted down where a line can be drawn again."""

import time
from collections.abc import Callable
from typing import Any

from setpoint.cli.output import Output

MEDIAN_S_MIN = 2.0
TOLD_S_MIN = 1.0
"""With less left than that nobody needs to be told."""

SLACK_S = 1.0
"""Past of the same length each time is no reason to be alarmed at once."""


class Progress:
    """Begins when it is made. `verb`: of the Change that is waited for. `now`: a steady clock."""

    def __init__(self, out: Output, verb: str, now: Callable[[], float] = time.monotonic) -> None:
        self._out = out
        self._verb = verb
        self._now = now
        self._began_s = now()
        self._said = self._warned = False

    def look(self, detail: dict[str, Any]) -> None:
        """To be called again and again with the API's last answer about the app."""
        usual = detail["usual"].get(self._verb)
        self._predict(usual)
        if usual is None:
            return
        took_s = self._now() - self._began_s
        left_s = usual["median_s"] - took_s
        if took_s > usual["p90_s"] + SLACK_S:
            self._warn(usual["p90_s"])
        elif usual["median_s"] >= MEDIAN_S_MIN:
            self._out.redraw(f"  about {seconds(left_s)} left" if left_s >= TOLD_S_MIN else "")

    def _predict(self, usual: dict[str, Any] | None) -> None:
        """Once, as soon as it is known that there is something to wait for."""
        if self._said or not self._verb:
            return
        self._said = True
        if usual is None:
            self._out.line("  no history to predict it from", "dim")
        else:
            half, most = seconds(usual["median_s"]), seconds(usual["p90_s"])
            self._out.line(f"  predicted live in {half} (p90 {most})", "dim")

    def _warn(self, p90_s: float) -> None:
        self._out.redraw("")
        if not self._warned:
            self._out.line(f"  longer than predicted (p90 {seconds(p90_s)})", "yellow")
        self._warned = True


def seconds(s: float) -> str:
    """'400 ms', '8 s', '2 min 5 s'"""
    if s < 1:
        return f"{max(0, round(s * 1000))} ms"
    whole = round(s)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"
