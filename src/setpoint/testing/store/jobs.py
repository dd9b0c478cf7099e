"""Jobs and sources of the simulated store."""

from collections import defaultdict
from collections.abc import Mapping

import msgspec

from setpoint.model.errors import NotFound
from setpoint.model.ids import AppId, Digest, JobId
from setpoint.model.job import Job, JobEnd
from setpoint.testing.store.tables import Tables


class Jobs(Tables):
    """Rows of jobs, and which uploads are known."""

    async def add_job(self, job: Job, secrets: Mapping[str, str] = {}) -> Job:
        if job.app not in self.rows.units:
            raise NotFound(f"cannot run {job.dyno}: its app is gone")
        known = self._job(job.app, job.id)
        if known is not None:
            return known
        self.secrets.update(secrets)
        self._put_job(job)
        self._emit(job.app, "job.asked", {"id": job.id})
        self._committed()
        return job

    async def stop_job(self, app: AppId, id: JobId) -> Job | None:
        job = self._job(app, id)
        if job is not None and not job.final:
            self._put_job(msgspec.structs.replace(job, stop_asked=True))
            self._committed()
        return self._job(app, id)

    async def settle_job(self, app: AppId, id: JobId, end: JobEnd) -> None:
        job = self._job(app, id)
        if job is not None and not job.final:
            self._put_job(msgspec.structs.replace(job, **msgspec.structs.asdict(end)))
            self._emit(app, "job.ended", {"id": id})
            self._committed()

    async def jobs(self, app: AppId, limit: int = 50) -> tuple[Job, ...]:
        return live_and_newest(self.rows.jobs.get(app, ()), limit)

    async def record_source(self, digest: Digest, size_bytes: int, now_s: float) -> None:
        self._sources[digest] = now_s

    async def hold_source(self, digest: Digest, now_s: float) -> bool:
        if digest in self._sources:
            self._sources[digest] = now_s
        return digest in self._sources

    async def source_known(self, digest: Digest) -> bool:
        return digest in self._sources


def live_and_newest(rows: tuple[Job, ...], limit: int) -> tuple[Job, ...]:
    """`rows` newest first; `limit`: of each kind."""
    count: dict[str, int] = defaultdict(int)
    kept: list[Job] = []
    for job in rows:
        count[job.kind] += 1
        if count[job.kind] <= limit or not job.final:
            kept.append(job)
    return tuple(kept)
