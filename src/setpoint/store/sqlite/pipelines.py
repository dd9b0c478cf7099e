"""Pipelines, and promotions: a slug that was built for one app becomes another's build."""

from setpoint.model.app import Unit
from setpoint.model.errors import Conflict
from setpoint.model.ids import AppId
from setpoint.model.pipeline import Pipeline, PipelineWrite, Promoted, Promotion, Target
from setpoint.model.release import Build
from setpoint.planning.builds import build_id
from setpoint.store.sqlite import builds, events, releases, units
from setpoint.store.sqlite.connection import Connection


def every(db: Connection) -> tuple[Pipeline, ...]:
    rows = db.execute(
        "SELECT id, name, owner, created_at_s, updated_at_s FROM pipeline ORDER BY name, owner"
    )
    return tuple(Pipeline(*row) for row in rows)


def write(db: Connection, wanted: PipelineWrite, seq: int, verb: str, summary: str) -> None:
    """Raises Conflict. The event is the installation's: an app's own Change tells of the app."""
    row = wanted.pipeline
    if wanted.gone:
        db.execute("DELETE FROM pipeline WHERE id = ?", (row.id,))
    else:
        _refuse_taken(db, row)
        db.execute(
            "INSERT INTO pipeline (id, name, owner, created_at_s, updated_at_s) "
            "VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE "
            "SET name = excluded.name, owner = excluded.owner, "
            "updated_at_s = excluded.updated_at_s",
            (row.id, row.name, row.owner, row.created_at_s, row.updated_at_s),
        )
    events.append(db, "", "change.accepted", change=seq, verb=verb, summary=summary)


def _refuse_taken(db: Connection, row: Pipeline) -> None:
    taken = db.execute(
        "SELECT 1 FROM pipeline WHERE owner = ? AND name = ? AND id <> ?",
        (row.owner, row.name, row.id),
    ).fetchone()
    if taken is not None:
        raise Conflict(
            f"cannot call a pipeline '{row.name}': {row.owner} has one that is called so"
        )


def check_there(db: Connection, verb: str, unit: Unit) -> None:
    """Nobody is put into a pipeline that was destroyed since it was read. Raises Conflict."""
    coupling = unit.intent.pipeline
    if coupling is None:
        return
    if db.execute("SELECT 1 FROM pipeline WHERE id = ?", (coupling.id,)).fetchone() is None:
        raise Conflict(f"cannot {verb} '{unit.name}': the pipeline was destroyed meanwhile")


def check_left(db: Connection, verb: str, pipeline: Pipeline) -> None:
    """Nobody came into it since its apps were read. Raises Conflict."""
    came = next(units.coupled(db, pipeline.id), None)
    if came is not None:
        raise Conflict(
            f"cannot {verb} '{pipeline.name}': {came.name} came into it meanwhile", "repeat it"
        )


def begin(db: Connection, promotion: Promotion) -> None:
    row = (promotion.id, promotion.pipeline, promotion.app, promotion.version, promotion.at_s)
    db.execute(
        "INSERT OR IGNORE INTO promotion (id, pipeline, app, version, at_s) VALUES (?, ?, ?, ?, ?)",
        row,
    )
    db.executemany(
        "INSERT OR IGNORE INTO promotion_target (promotion, app) VALUES (?, ?)",
        [(promotion.id, target.app) for target in promotion.targets],
    )


def refuse(db: Connection, id: str, app: AppId, error: str) -> None:
    db.execute(
        "UPDATE promotion_target SET error = ? WHERE promotion = ? AND app = ? AND change IS NULL",
        (error, id, app),
    )


def promotion(db: Connection, id: str) -> Promotion | None:
    row = db.execute(
        "SELECT id, pipeline, app, version, at_s FROM promotion WHERE id = ?", (id,)
    ).fetchone()
    if row is None:
        return None
    targets = db.execute(
        "SELECT app, change, error FROM promotion_target WHERE promotion = ? ORDER BY app", (id,)
    )
    return Promotion(*row, targets=tuple(Target(*target) for target in targets))


def promote(db: Connection, unit: Unit, promoted: Promoted, at_s: float) -> None:
    """`unit`: as it is from now on, with the source of that release. Raises Conflict where its slug
    is kept no longer; nobody lets go of it in between, since both are the one writer's."""
    release = releases.one(db, promoted.app, promoted.version)
    if release is None or not release.slug_kept:
        raise Conflict(
            f"cannot promote to '{unit.name}': the slug of v{promoted.version} is kept no longer"
        )
    builds.record(
        db,
        Build(
            id=build_id(unit, release.slug.stack),
            app=unit.id,
            source=release.source,
            status="succeeded",
            stack=release.slug.stack,
            slug=release.slug,
            started_at_s=at_s,
            ended_at_s=at_s,
            taken_over=True,
        ),
    )
    db.execute(
        "UPDATE promotion_target SET change = ?, error = '' WHERE promotion = ? AND app = ?",
        (unit.source_change, promoted.promotion, unit.id),
    )
