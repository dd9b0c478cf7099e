"""One soak from start to end."""

import contextlib
import http.client
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.acceptance.plane import Plane, fresh_plane, until
from tests.soak import apps, left
from tests.soak.killer import Killer
from tests.soak.people import People
from tests.soak.visitors import Visitors, served_again, unexplained

BACK_S = 0.2
"""After Envoy's end a new connection is answered within this; the median is held to it."""
LOOK_S = 1.0
LINES = 1500
"""of the log of an app that failed: the most there are to be had at once"""
QUIET_S_MAX = 30.0
"""How long what is on its way out may still be there once everything has settled."""


@dataclass(frozen=True)
class Options:
    """`held_to_time`: whether Envoy's return counts: not where others use the machine too."""

    seconds: float
    seed: int
    apps: int = 50
    people: int = 4
    rate: float = 100.0
    pause_s: tuple[float, float] = (0.5, 2.5)
    held_to_time: bool = True


@dataclass(frozen=True)
class Outcome:
    """`violations`: sentences; none is as it should be. `logs`: of the apps that failed."""

    figures: dict[str, Any]
    violations: list[str]
    logs: dict[str, str]


Progress = Callable[[str], None]


def soak(options: Options, progress: Progress = lambda _: None) -> Outcome:
    with fresh_plane() as plane:
        names = [f"soak-{n}" for n in range(1, options.apps + 1)]
        progress(f"deploying {options.apps} apps")
        sources = {code: apps.upload(plane, code) for code in apps.CODES}
        apps.create(plane, names, sources["A"])
        abused = _Abused(plane, names, sources, options)
        abused.run(progress)
        progress("waiting until everything has settled")
        outcome = abused.outcome()
        if outcome.violations:
            progress(f"the logs are kept in {_keep_logs(plane, outcome.logs)}")
        return outcome


class _Abused:
    def __init__(
        self, plane: Plane, names: list[str], sources: dict[str, str], options: Options
    ) -> None:
        self.plane, self.names, self.options = plane, names, options
        ids = {app["id"]: app["name"] for app in plane.api("GET", "/apps").json}
        self.visitors = Visitors(plane, names, options.rate, options.seed)
        self.people = People(plane, names, sources, options.people, options.seed)
        self.killer = Killer(plane, ids, options.seed, options.pause_s, self.answers)

    def run(self, progress: Progress) -> None:
        end_s = time.monotonic() + self.options.seconds
        with self.visitors, self.people, self.killer:
            while (left_s := end_s - time.monotonic()) > 0 and self.killer.broke is None:
                time.sleep(min(LOOK_S, left_s))
                progress(self.told(left_s))
        if self.killer.broke is not None:
            raise self.killer.broke

    def told(self, left_s: float) -> str:
        bad = len(unexplained(self.visitors.failures, self.killer.kills))
        return (
            f"{left_s:.0f} s to go: {len(self.killer.kills)} kills, "
            f"{self.visitors.answered} answers, {bad} failed, "
            f"{len(self.people.acknowledged)} of {len(self.people.asked)} changes acknowledged"
        )

    def answers(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.plane.get(self.names[0]).status == 200
        return False

    # --- afterwards -------------------------------------------------------------------------

    def outcome(self) -> Outcome:
        plane = self.plane
        envoys = [kill for kill in self.killer.kills if kill.kind == "envoy"]
        back_s = [kill.took_s for kill in envoys]
        violations: list[str] = list(self.people.refused)
        try:
            until(lambda: apps.settled(plane, self.names), apps.SETTLED_S_MAX, "all has settled")
        except AssertionError:
            told = apps.unsettled(plane, self.names)
            violations += [f"{name} has not settled: {why}" for name, why in told.items()]
        failed = unexplained(self.visitors.failures, self.killer.kills)
        logs = {f.app: plane.ok("logs", f.app, "-n", str(LINES)).out for f in failed}
        lost = self.people.lost()
        orphans = _quiet(lambda: left.beside_instances(plane))
        plane.ok("down")
        orphans += _quiet(lambda: left.at_all(plane))
        violations += [f"{f.app} failed {self._since_kill(f.began_s)}: {f.what}" for f in failed]
        violations += [*lost, *(f"left behind: {what}" for what in orphans)]
        if back_s and self.options.held_to_time and statistics.median(back_s) > BACK_S:
            violations.append(f"Envoy took {statistics.median(back_s):.2f} s to be back")
        figures: dict[str, Any] = {
            "soak_s": self.options.seconds,
            "seed": self.options.seed,
            "apps": len(self.names),
            "kills": self.killer.by_kind,
            "requests": self.visitors.answered + len(self.visitors.failures),
            "failed": len(failed),
            "allowed": len(self.visitors.failures) - len(failed),
            "changes": len(self.people.asked),
            "acknowledged": len(self.people.acknowledged),
            "not_acknowledged": dict(self.people.unsure),
            "lost": len(lost),
            "orphans": len(orphans),
            "served_after_envoy": served_again(self.visitors.answered_s, envoys),
            "envoy_back_p50_ms": round(statistics.median(back_s) * 1000) if back_s else None,
            "envoy_back_max_ms": round(max(back_s) * 1000) if back_s else None,
            "violations": len(violations),
        }
        return Outcome(figures, violations, logs)

    def _since_kill(self, at_s: float) -> str:
        """'0.204 s after the daemon was killed'"""
        before = [kill for kill in self.killer.kills if kill.at_s <= at_s]
        if not before:
            return "before anything was killed"
        last = before[-1]
        return f"{at_s - last.at_s:.3f} s after the {last.kind} {last.app} was killed"


def _quiet(look: Callable[[], list[str]]) -> list[str]:
    """What is still there once nothing is on its way out any more."""
    deadline_s = time.monotonic() + QUIET_S_MAX
    while (found := look()) and time.monotonic() < deadline_s:
        time.sleep(LOOK_S)
    return found


def _keep_logs(plane: Plane, logs: dict[str, str]) -> Path:
    """The operator's, and those of apps."""
    kept = Path(tempfile.mkdtemp(prefix="setpoint-soak-"))
    shutil.copytree(plane.data / "log", kept / "log")
    for app, text in logs.items():
        (kept / f"{app}.log").write_text(text)
    return kept
