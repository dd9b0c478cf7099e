"""Keeps figures of what bets are about, minute by minute. Nothing follows from them by itself."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from setpoint.model.errors import SetpointError
from setpoint.model.figures import BOUNDS_S, Figures, ProcessFigures
from setpoint.model.signal import Sample
from setpoint.planning.decisions import DAY_S, fold
from setpoint.policy import signals
from setpoint.store.port import Store

EVERY_S = 60.0
GAP_S_MAX = 3600.0
"""Counters go on while the daemon is away, but what they came to by the hour says little."""
KEPT_S = 31 * DAY_S

Watched = tuple[str, str]


class Measuring:
    """`figures`: sums since the supervisor began to count; raises DriverError. `now`: unix
    seconds."""

    def __init__(
        self,
        store: Store,
        figures: Callable[[], Awaitable[Figures]],
        now: Callable[[], float],
        log: logging.Logger,
    ) -> None:
        self._store = store
        self._figures = figures
        self._now = now
        self._log = log
        self._before: dict[Watched, Sample] = {}

    async def run(self) -> None:
        while True:
            try:
                await self.look()
            except SetpointError as error:
                self._log.info("figures.missed", extra={"error": error.message})
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """Where no bet is about a figure, nothing is asked or written."""
        wanted = await self._wanted()
        if not wanted:
            self._before = {}
            return
        counted, now_s = await self._figures(), self._now()
        sums = {of: _sum(of, counted.processes, now_s) for of in wanted}
        samples = [
            _since(self._before[of], found)
            for of, found in sums.items()
            if of in self._before and 0.0 < now_s - self._before[of].at_s <= GAP_S_MAX
        ]
        self._before = sums
        if samples:
            await self._store.add_samples(samples, now_s - KEPT_S)

    async def _wanted(self) -> set[Watched]:
        bets = fold(await self._store.decisions(bets=True))
        return {
            signals.watched(d.decided.bet.signal, d.decided.governs)
            for d in bets
            if d.decided.bet is not None and d.decided.bet.signal is not None
        }


def _sum(of: Watched, counted: Iterable[ProcessFigures], at_s: float) -> Sample:
    unit, process = of
    mine = [p for p in counted if p.app == unit and process in ("", p.process)]
    return Sample(
        unit=unit,
        process=process,
        at_s=at_s,
        seconds=0.0,
        answers=sum(n for p in mine for n in p.answers.values()),
        errors=sum(p.answers.get("5", 0) for p in mine),
        run=tuple(sum(p.run.counts[n] for p in mine) for n in range(len(BOUNDS_S) + 1)),
        instances=sum(p.instances for p in mine),
        memory_bytes_peak=max((p.memory_bytes_peak for p in mine), default=0),
    )


def _since(before: Sample, now: Sample) -> Sample:
    """What came between two sums. One that is lower began anew: with another supervisor."""
    anew = now.answers < before.answers
    base = Sample("", "", 0.0, 0.0, run=(0,) * len(now.run)) if anew else before
    return Sample(
        unit=now.unit,
        process=now.process,
        at_s=now.at_s,
        seconds=now.at_s - before.at_s,
        answers=now.answers - base.answers,
        errors=max(0, now.errors - base.errors),
        run=tuple(max(0, n - b) for n, b in zip(now.run, base.run, strict=True)),
        instances=now.instances,
        memory_bytes_peak=now.memory_bytes_peak,
    )
