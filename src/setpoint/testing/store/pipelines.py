"""Pipelines and promotions of the simulated store."""

from collections.abc import Collection

import msgspec

from setpoint.model.app import AppIntent, Unit
from setpoint.model.change import Change
from setpoint.model.errors import Conflict
from setpoint.model.ids import AppId
from setpoint.model.pipeline import Pipeline, PipelineWrite, Promoted, Promotion, Target
from setpoint.model.release import Build, Release
from setpoint.planning.builds import build_id
from setpoint.store.port import UnitWrite
from setpoint.testing.store.tables import Tables


class Pipelines(Tables):
    async def pipelines(self) -> tuple[Pipeline, ...]:
        return tuple(sorted(self.lines.values(), key=lambda p: (p.name, p.owner)))

    async def begin_promotion(self, promotion: Promotion) -> None:
        if promotion.id not in self.promoted:
            self.promoted[promotion.id] = promotion
            self._committed()

    async def refuse_promotion(self, id: str, app: AppId, error: str) -> None:
        """What it was given all the same stands."""
        known = self.promoted.get(id)
        given = {t.app for t in known.targets if t.change is not None} if known else set[AppId]()
        if app not in given:
            self._mark(id, Target(app, None, error))
            self._committed()

    async def promotion(self, id: str) -> Promotion | None:
        return self.promoted.get(id)

    def _check_coupled(self, verb: str, intent: AppIntent, made: PipelineWrite | None) -> None:
        """Nobody is put into a pipeline that was destroyed since it was read. `made`: with it."""
        before = self.rows.units.get(intent.id)
        coupling = intent.pipeline
        if coupling is None or (before is not None and before.intent.pipeline == coupling):
            return
        now = {made.pipeline.id} if made is not None and not made.gone else set[str]()
        if coupling.id not in {*self.lines, *now}:
            raise Conflict(f"cannot {verb} '{intent.name}': the pipeline was destroyed meanwhile")

    def _check_left(self, verb: str, wanted: PipelineWrite, gone: Collection[AppId]) -> None:
        """Nobody came into what is to be destroyed since its apps were read. `gone`: who leaves."""
        if not wanted.gone:
            return
        for unit in self.rows.units.values():
            coupling = unit.intent.pipeline
            if unit.id in gone or unit.intent.deleted or coupling is None:
                continue
            if coupling.id == wanted.pipeline.id:
                raise Conflict(
                    f"cannot {verb} '{wanted.pipeline.name}': {unit.name} came into it meanwhile"
                )

    def _put_pipeline(self, wanted: PipelineWrite) -> None:
        row = wanted.pipeline
        namesakes = [p for p in self.lines.values() if (p.owner, p.name) == (row.owner, row.name)]
        if wanted.gone:
            self.lines.pop(row.id, None)
        elif any(p.id != row.id for p in namesakes):
            raise Conflict(f"cannot call a pipeline '{row.name}': there is one")
        else:
            self.lines[row.id] = row

    def _check_promoted(self, write: UnitWrite) -> None:
        if write.promoted is None:
            return
        release = self._of(write.promoted)
        if release is None or not release.slug_kept:
            raise Conflict(f"cannot promote to '{write.intent.name}': the slug is kept no longer")

    def _of(self, wanted: Promoted) -> Release | None:
        found = self.rows.releases.get(wanted.app, ())
        return next((r for r in found if r.version == wanted.version), None)

    def _promote(self, unit: Unit, wanted: Promoted, change: Change) -> None:
        release = self._of(wanted)
        assert release is not None
        self._put_build(
            Build(
                id=build_id(unit, release.slug.stack),
                app=unit.id,
                source=release.source,
                status="succeeded",
                stack=release.slug.stack,
                slug=release.slug,
                started_at_s=change.asked.at_s,
                ended_at_s=change.asked.at_s,
                taken_over=True,
            )
        )
        self._mark(wanted.promotion, Target(unit.id, change.seq))

    def _mark(self, id: str, target: Target) -> None:
        known = self.promoted.get(id)
        if known is not None:
            targets = tuple(target if t.app == target.app else t for t in known.targets)
            self.promoted[id] = msgspec.structs.replace(known, targets=targets)
