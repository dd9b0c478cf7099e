"""Intents of the simulated store: conflicts are per path, and one Change is one commit."""

from collections.abc import Mapping, Sequence

import msgspec

from setpoint.model import paths
from setpoint.model.app import AppIntent, SecretRef, Unit
from setpoint.model.change import Asked, Change, Touch, UnitChange
from setpoint.model.decision import Decided
from setpoint.model.errors import Conflict, NotFound, Unreadable
from setpoint.model.ids import AppId
from setpoint.model.pipeline import PipelineWrite
from setpoint.store.port import Committed, Damaged, UnitWrite
from setpoint.testing.store.decisions import Decisions
from setpoint.testing.store.pipelines import Pipelines
from setpoint.testing.store.tables import SPOILED


class Intents(Decisions, Pipelines):
    """Units and the Changes that made them what they are."""

    async def commit(
        self,
        asked: Asked,
        verb: str,
        summary: str,
        writes: Sequence[UnitWrite],
        secrets: Mapping[str, str] = {},
        decided: Decided | None = None,
        pipeline: PipelineWrite | None = None,
    ) -> Committed:
        key = (asked.actor.name, asked.idempotency_key)
        if asked.idempotency_key and key in self._asked:
            return self._asked[key]
        merged = [(write, self._merged(write)) for write in writes]
        for write in writes:
            self._check_promoted(write)
        if pipeline is not None:
            self._check_left(verb, pipeline, {intent.id for _, intent in merged})
        for _, intent in merged:
            self._check_coupled(verb, intent, pipeline)
        if pipeline is not None:
            self._put_pipeline(pipeline)
        if decided is not None:
            made = self._decided(msgspec.structs.replace(asked, idempotency_key=""), decided)
            asked = msgspec.structs.replace(asked, decision=made.decision)
        change = Change(self._seq + 1, asked, verb, summary)
        self._seq += 1
        self.secrets.update(secrets)
        done = Committed(
            change.seq, tuple(self._write(change, write, intent) for write, intent in merged)
        )
        if not writes:
            self.told.append(UnitChange(change, "", 0, ()))
        self._asked[key] = done
        self._committed()
        return done

    def _merged(self, write: UnitWrite) -> AppIntent:
        """The document to store, or Conflict. Conflicts are per path."""
        intent = write.intent
        namesake = self._named(intent.name)
        if namesake is not None and namesake.id != intent.id:
            raise Conflict(f"cannot name an app '{intent.name}': the name is taken")
        for other in self.rows.units.values():
            if other.id != intent.id and (shared := {*other.intent.domains} & {*intent.domains}):
                host = min(shared)
                raise Conflict(f"cannot add the domain '{host}': another app has it")
        unit = self.rows.units.get(intent.id)
        if write.rev_expected is None:
            return intent
        if unit is None:
            raise NotFound(f"cannot change '{intent.name}': there is no such app")
        if unit.rev == write.rev_expected:
            return intent
        base = paths.flatten(self._documents[intent.id, write.rev_expected])
        touched = paths.touches(base, paths.flatten(intent), write.restated)
        if write.whole or self._overtaken(unit, write.rev_expected, touched):
            raise Conflict(f"cannot change '{intent.name}': it was changed meanwhile")
        return paths.unflatten(
            unit.id, paths.merge(paths.flatten(unit.intent), paths.flatten(intent), touched)
        )

    def _overtaken(self, unit: Unit, rev: int, touched: Sequence[Touch]) -> bool:
        scopes = {paths.conflict_scope(t.path) for t in touched}
        return any(
            self._changed_at.get((unit.id, path), 0) > rev
            for (app, path) in list(self._changed_at)
            if app == unit.id and paths.conflict_scope(path) in scopes
        )

    def _write(self, change: Change, write: UnitWrite, intent: AppIntent) -> Unit:
        before = self.rows.units.get(intent.id)
        old = paths.flatten(before.intent) if before is not None else {}
        touched = paths.touches(old, paths.flatten(intent), write.restated)
        touches = paths.explained(touched, write.whys)
        self._rev += 1
        unit = self._next_unit(change, before, intent, touches)
        self.rows.units[intent.id] = unit
        self._documents[intent.id, unit.rev] = intent
        self._after[intent.id, change.seq] = intent
        self.moved_at[intent.id].append((unit.generation, change.asked.at_s))
        for touch in touches:
            self._changed_at[intent.id, touch.path] = unit.rev
            self.provenance[intent.id][touch.path] = change.seq
        self.told.append(UnitChange(change, intent.id, unit.generation, touches))
        self._emit(intent.id, change.verb, change)
        if write.promoted is not None:
            self._promote(unit, write.promoted, change)
        return unit

    def _next_unit(
        self, change: Change, before: Unit | None, intent: AppIntent, touches: Sequence[Touch]
    ) -> Unit:
        shaped = any(paths.is_shape(t.path) for t in touches)
        sourced = any(paths.is_source(t.path) for t in touches)
        return Unit(
            intent=intent,
            incarnation=self.incarnation,
            generation=before.generation + 1 if before else 1,
            rev=self._rev,
            owner=before.owner if before else change.asked.actor.email,
            created_at_s=before.created_at_s if before else change.asked.at_s,
            updated_at_s=change.asked.at_s,
            last_change=change.seq,
            source_change=change.seq if sourced else (before.source_change if before else 0),
            shape_change=change.seq if shaped else (before.shape_change if before else 0),
            shape_summary=change.summary if shaped else (before.shape_summary if before else ""),
        )

    async def unit(self, id: AppId) -> Unit | None:
        return self._read(self.rows.units.get(id))

    async def rev(self, id: AppId) -> int | None:
        unit = self.rows.units.get(id)
        return unit.rev if unit is not None else None

    async def unit_named(self, name: str) -> Unit | None:
        return self._read(self._named(name))

    async def units(self) -> tuple[Unit, ...]:
        return tuple(
            sorted(
                (u for u in self.rows.units.values() if u.id not in self.spoiled),
                key=lambda u: u.name,
            )
        )

    async def unit_ids(self) -> frozenset[AppId]:
        return frozenset(self.rows.units)

    async def damaged(self, only: AppId | None = None) -> tuple[Damaged, ...]:
        found = [u for u in self.rows.units.values() if u.id in self.spoiled]
        found = [u for u in found if only in (None, u.id)]
        return tuple(Damaged(u.id, u.name, u.generation, SPOILED) for u in found)

    def _read(self, unit: Unit | None) -> Unit | None:
        if unit is not None and unit.id in self.spoiled:
            raise Unreadable(SPOILED)
        return unit

    async def forget(self, id: AppId) -> None:
        if self.rows.units.pop(id, None) is not None:
            self.rows.status.pop(id, None)
            self.notices_kept = {k: n for k, n in self.notices_kept.items() if n.app != id}
            self.sent = {key: s for key, s in self.sent.items() if s.app != id}
            self._emit(id, "app.forgotten", {})
            self._committed()

    async def reveal(self, refs: Mapping[str, SecretRef]) -> dict[str, str]:
        return {key: self.secrets[ref.key] for key, ref in refs.items()}
