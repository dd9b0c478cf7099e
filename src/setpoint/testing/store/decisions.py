"""Decisions of the simulated store: one list, only ever added to."""

from collections.abc import Sequence

import msgspec

from setpoint.model.change import Asked
from setpoint.model.decision import Decided, Record, RecordKind
from setpoint.model.errors import Conflict, NotFound
from setpoint.model.ids import AppId
from setpoint.model.signal import Sample, Sums
from setpoint.testing.store.tables import Tables


class Decisions(Tables):
    async def decide(self, asked: Asked, decided: Decided) -> Record:
        record = self._decided(asked, decided)
        self._committed()
        return record

    async def say(
        self, decision: int, kind: RecordKind, asked: Asked, revisit_at_s: float | None = None
    ) -> Record:
        known = self._repeated(asked, kind)
        if known is not None:
            return known
        if not any(r.decision == decision for r in self.decided):
            raise NotFound(f"cannot say anything of d-{decision}: there is no such decision")
        record = self._recorded(Record(decision, kind, asked, revisit_at_s=revisit_at_s))
        self._committed()
        return record

    async def decisions(
        self,
        *,
        unit: AppId | None = None,
        numbers: Sequence[int] | None = None,
        bets: bool = False,
    ) -> tuple[Record, ...]:
        wanted = {r.decision for r in self.decided}
        if bets:
            gone = {r.decision for r in self.decided if r.kind == "held"}
            gone |= {r.decision for r in self.decided if r.kind == "replaced"}
            bet_on = {r.decision for r in self.decided if r.decided and r.decided.bet}
            wanted = bet_on - gone
        elif numbers is not None:
            wanted = set(numbers)
        elif unit is not None:
            wanted = {
                r.decision
                for r in self.decided
                if r.decided is not None
                and any(scope.unit in ("", unit) for scope in r.decided.governs)
            }
        return tuple(r for r in self.decided if r.decision in wanted)

    async def add_samples(
        self, samples: Sequence[Sample], sums: Sequence[Sums], before_s: float
    ) -> None:
        self.sums = tuple(sums)
        fresh = {(s.unit, s.process, s.at_s): s for s in samples}
        kept = {**fresh, **self.sampled}
        self.sampled = {key: s for key, s in kept.items() if s in samples or s.at_s >= before_s}
        self._committed()

    async def replace_samples(self, unit: AppId, process: str, kept: Sequence[Sample]) -> None:
        newest_s = max((s.at_s for s in kept), default=0.0)
        others = {
            key: s
            for key, s in self.sampled.items()
            if (s.unit, s.process) != (unit, process) or s.at_s > newest_s
        }
        self.sampled = others | {(s.unit, s.process, s.at_s): s for s in kept}
        self._committed()

    async def counted(self) -> tuple[Sums, ...]:
        return self.sums

    async def samples(self, unit: AppId, process: str, since_s: float) -> tuple[Sample, ...]:
        mine = [s for s in self.sampled.values() if (s.unit, s.process) == (unit, process)]
        return tuple(sorted((s for s in mine if s.at_s > since_s), key=lambda s: s.at_s))

    def _decided(self, asked: Asked, decided: Decided) -> Record:
        known = self._repeated(asked, "decided")
        if known is None:
            seq = max((r.decision for r in self.decided), default=0) + 1
            made = self._recorded(Record(seq, "decided", asked, decided))
            if decided.supersedes:
                bare = msgspec.structs.replace(asked, why="", links=(), idempotency_key="")
                self._recorded(Record(decided.supersedes, "replaced", bare, by=seq))
            return made
        if known.decided != decided or known.asked.why != asked.why:
            raise Conflict("cannot decide: its idempotency key was used for another decision")
        return known

    def _recorded(self, record: Record) -> Record:
        self.decided.append(record)
        facts = {"decision": record.decision, "kind": record.kind}
        self._emit("", "decision.recorded", facts)
        return record

    def _repeated(self, asked: Asked, kind: RecordKind) -> Record | None:
        key = (asked.actor.name, asked.idempotency_key, kind)
        return next(
            (
                r
                for r in self.decided
                if asked.idempotency_key
                and (r.asked.actor.name, r.asked.idempotency_key, r.kind) == key
            ),
            None,
        )
