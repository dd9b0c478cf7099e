"""Keeps figures of what bets are about, minute by minute. Nothing follows from them by itself."""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from setpoint.model.errors import SetpointError
from setpoint.model.figures import WAIT_BOUNDS_S, Answered, EdgeFigures, Figures, ProcessFigures
from setpoint.model.ids import AppId
from setpoint.model.signal import Sample, Sums
from setpoint.planning import signals
from setpoint.planning.decisions import DAY_S, fold
from setpoint.policy import signals as policy
from setpoint.store.port import Store

EVERY_S = 60.0
GAP_S_MAX = 3600.0
"""Counters go on while the daemon is away, but what they came to by the hour says little."""
KEPT_S = 31 * DAY_S
THIN_EVERY_S = 1800.0

Watched = tuple[str, str]


class Counting(Protocol):
    """What is counted of some apps. Both raise DriverError."""

    async def figures(self, weigh: Collection[AppId]) -> Figures:
        """By the supervisor: who runs, and how large that is."""
        ...

    async def answered(self, only: Collection[AppId]) -> EdgeFigures:
        """By the edge: what was answered since it began to count."""
        ...


class Measuring:
    """`now`: unix seconds. `doubt`: why that is not to be believed, or ''."""

    def __init__(
        self,
        store: Store,
        counting: Counting,
        now: Callable[[], float],
        log: logging.Logger,
        doubt: Callable[[], str],
    ) -> None:
        self._store = store
        self._counting = counting
        self._now = now
        self._log = log
        self._doubt = doubt
        self._thinned_at_s = 0.0

    async def run(self) -> None:
        while True:
            try:
                await self.look()
            except SetpointError as error:
                self._log.info("figures.missed", extra={"error": error.message})
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """Where no bet is about a figure, nothing is asked or written. What sums were before is in
        the store, so that nothing is lost with a daemon."""
        wanted = await self._wanted()
        if not wanted:
            return
        apps = {AppId(unit) for unit, _ in wanted}
        counted = await self._counting.answered(apps)
        here = await self._counting.figures(apps)
        before = {(s.unit, s.process): s for s in await self._store.counted()}
        now_s = self._now()
        sums = {of: _sums(of, counted, now_s) for of in wanted}
        samples = [
            _since(before[of], found, [p for p in here.processes if _is_of(of, p)])
            for of, found in sums.items()
            if of in before and 0.0 < now_s - before[of].at_s <= GAP_S_MAX
        ]
        doubtful = bool(self._doubt())
        before_s = 0.0 if doubtful else now_s - KEPT_S
        await self._store.add_samples(samples, [*sums.values()], before_s)
        if not doubtful and now_s - self._thinned_at_s >= THIN_EVERY_S:
            self._thinned_at_s = now_s
            for unit, process in wanted:
                await self._thin(AppId(unit), process, now_s)

    async def _thin(self, unit: AppId, process: str, now_s: float) -> None:
        there = await self._store.samples(unit, process, 0.0)
        kept = signals.thinned(there, now_s)
        if len(kept) < len(there):
            await self._store.replace_samples(unit, process, kept)

    async def _wanted(self) -> set[Watched]:
        bets = fold(await self._store.decisions(bets=True))
        return {
            policy.watched(d.decided.bet.signal, d.decided.governs)
            for d in bets
            if d.decided.bet is not None and d.decided.bet.signal is not None
        }


def _is_of(of: Watched, counted: ProcessFigures | Answered) -> bool:
    unit, process = of
    return counted.app == unit and process in ("", counted.process)


def _sums(of: Watched, counted: EdgeFigures, at_s: float) -> Sums:
    mine = [p for p in counted.processes if _is_of(of, p)]
    run = tuple(sum(p.wait.counts[n] for p in mine) for n in range(len(WAIT_BOUNDS_S) + 1))
    total, errors = sum(p.total for p in mine), sum(p.errors for p in mine)
    return Sums(*of, at_s, counted.since_s, total, errors, run)


def _since(before: Sums, now: Sums, here: Sequence[ProcessFigures]) -> Sample:
    """What came between. Who began to count anew in between knows nothing of before that."""
    anew = now.since_s > before.at_s
    if anew or now.answers < before.answers or len(before.run) != len(now.run):
        base = Sums(*_NOTHING, run=(0,) * len(now.run))
    else:
        base = before
    return Sample(
        unit=now.unit,
        process=now.process,
        at_s=now.at_s,
        seconds=max(0.0, now.at_s - (now.since_s if anew else before.at_s)),
        answers=now.answers - base.answers,
        errors=max(0, now.errors - base.errors),
        run=tuple(max(0, n - b) for n, b in zip(now.run, base.run, strict=True)),
        instances=sum(p.instances for p in here),
        memory_bytes_peak=max((p.memory_bytes for p in here), default=0),
    )


_NOTHING = ("", "", 0.0, 0.0)
