"""How long it may still take, from how long this kind of thing took for this app before.

Nothing is claimed where its past says nothing, or where it is over before it could be read.
"""

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
        if usual is None or usual["median_s"] < MEDIAN_S_MIN:
            return
        took_s = self._now() - self._began_s
        left_s = usual["median_s"] - took_s
        if took_s > usual["p90_s"] + SLACK_S:
            self._warn(usual["p90_s"])
        elif left_s >= TOLD_S_MIN:
            self._tell(f"  about {seconds(left_s)} left")
        else:
            self._out.redraw("")

    def _tell(self, text: str) -> None:
        """A terminal counts down in one line; elsewhere it is said once."""
        if self._out.redraws:
            self._out.redraw(text)
        elif not self._said:
            self._out.line(text, "dim")
        self._said = True

    def _warn(self, p90_s: float) -> None:
        self._out.redraw("")
        if not self._warned:
            self._out.line(f"  longer than usual (p90 {seconds(p90_s)})", "yellow")
        self._warned = True


def seconds(s: float) -> str:
    """'8 s', '2 min 5 s'"""
    whole = round(s)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"
