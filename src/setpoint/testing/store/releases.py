"""Builds and releases of the simulated store."""

from collections.abc import Mapping

import msgspec

from setpoint.model.app import SecretRef
from setpoint.model.ids import AppId
from setpoint.model.release import Build, Release
from setpoint.testing.store.tables import Tables


class Releases(Tables):
    """Facts about builds, and the releases cut of them."""

    async def record_build(self, build: Build) -> None:
        if self._put_build(build):
            self._committed()

    async def builds(self, app: AppId) -> tuple[Build, ...]:
        return self.rows.builds.get(app, ())

    async def cut_release(
        self,
        app: AppId,
        build: Build,
        config: Mapping[str, SecretRef],
        description: str,
        change: int,
        now_s: float,
        commit: str = "",
    ) -> Release | None:
        unit = self.rows.units.get(app)
        releases = self.rows.releases.get(app, ())
        assert build.slug is not None, "only a build that succeeded can be released"
        again = next((r for r in releases if r.change == change), None)
        if again is not None and again.slug.stack == build.slug.stack:
            return again
        if unit is None or unit.shape_change != change:
            return None
        release = Release(
            app=app,
            version=len(releases) + 1,
            build=build.id,
            source=build.source,
            slug=build.slug,
            config=dict(config),
            description=description,
            change=change,
            created_at_s=now_s,
            commit=commit,
        )
        self.rows.releases[app] = (release, *map(_overtaken_by_newer, releases))
        self._emit(app, "release.cut", {"version": release.version})
        self._committed()
        return release

    async def settle_release(self, app: AppId, version: int, succeeded: bool, message: str) -> None:
        self.on_verdict(app, version, succeeded)
        status = "succeeded" if succeeded else "failed"
        open_ = ("pending", "superseded") if succeeded else ("pending",)
        self.rows.releases[app] = tuple(
            msgspec.structs.replace(r, status=status, message=message)
            if r.version == version and r.status in open_
            else r
            for r in self.rows.releases.get(app, ())
        )
        self._emit(app, f"release.{status}", {"version": version})
        self._committed()

    async def releases(self, app: AppId, limit: int = 50) -> tuple[Release, ...]:
        return self.rows.releases.get(app, ())[:limit]

    async def release(self, app: AppId, version: int) -> Release | None:
        found = self.rows.releases.get(app, ())
        return next((r for r in found if r.version == version), None)


def _overtaken_by_newer(release: Release) -> Release:
    if release.status != "pending":
        return release
    return msgspec.structs.replace(release, status="superseded")
