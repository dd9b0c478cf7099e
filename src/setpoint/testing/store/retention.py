"""Retention of the simulated store."""

from collections.abc import Sequence

import msgspec

from setpoint.model import paths
from setpoint.model.app import SecretRef, Unit
from setpoint.model.ids import AppId, Digest
from setpoint.model.journal import Entry
from setpoint.model.release import Release
from setpoint.model.retention import Pruned, Retention
from setpoint.testing.store.tables import Tables


class Keeping(Tables):
    """What may be let go, and what memory forgets."""

    async def kept_releases(self) -> tuple[Release, ...]:
        return tuple(
            r for app in sorted(self.rows.releases) for r in self.rows.releases[app] if r.slug_kept
        )

    async def let_go(self, app: AppId, versions: Sequence[int], entry: Entry) -> tuple[int, ...]:
        unit, rows = self.rows.units.get(app), self.rows.releases.get(app, ())
        gone = tuple(r.version for r in rows if r.version in versions and _may_go(unit, rows, r))
        if gone:
            self.rows.releases[app] = tuple(
                msgspec.structs.replace(r, slug_kept=False) if r.version in gone else r
                for r in rows
            )
            self._add(entry)
            self._emit(app, "release.let_go", {"versions": gone})
            self._committed()
        return tuple(sorted(gone))

    async def drop_sources(self, digests: Sequence[Digest], before_s: float) -> tuple[Digest, ...]:
        wanted = {d for u in self.rows.units.values() for d in u.intent.uploads}
        for digest in set(digests) - wanted:
            if self._sources.get(digest, before_s) < before_s:
                del self._sources[digest]
        return tuple(d for d in digests if d not in wanted and d not in self._sources)

    async def prune(self, kept: Retention, now_s: float, *, dry_run: bool = False) -> Pruned:
        """Events, the journal and secrets. A simulated history is too short for the rest."""
        floor = max((n for at_s, n in self._marks if at_s < now_s - kept.events_s), default=0)
        entries = self._old_entries(now_s - kept.journal_s)
        secrets = set(self.secrets) - self._needed_secrets()
        found = Pruned(
            journal=len(entries), events=max(0, floor - self._floor), secrets=len(secrets)
        )
        if not dry_run:  # that there is nothing to delete is no commit
            self._marks.append((now_s, len(self.log)))
            self._floor = max(self._floor, floor)
            for id in entries:
                self.entries_of[self.entries[id].app].remove(id)
            self.secrets = {k: v for k, v in self.secrets.items() if k not in secrets}
            if found != Pruned():
                self._committed(counts=found != Pruned(events=found.events))
        return found

    def _old_entries(self, before_s: float) -> list[int]:
        old = [id for ids in self.entries_of.values() for id in ids]
        return [id for id in old if self._is_old(self.entries[id], before_s)]

    def _is_old(self, entry: Entry, before_s: float) -> bool:
        ended_s = entry.ended_at_s if entry.ended_at_s is not None else entry.planned_at_s
        if ended_s >= before_s:
            return False
        unit = self.rows.units.get(AppId(entry.app))
        live = paths.flatten(unit.intent) if unit is not None else {}
        told = {c for p, c in self.provenance[AppId(entry.app)].items() if p in live}
        return unit is None or (entry.state != "planned" and entry.change not in told)

    def _needed_secrets(self) -> set[str]:
        leaves = [v for u in self.rows.units.values() for v in paths.flatten(u.intent).values()]
        refs = [leaf for leaf in leaves if isinstance(leaf, SecretRef)]
        for rows in self.rows.releases.values():
            refs += [ref for r in rows if r.slug_kept for ref in r.config.values()]
        for jobs in self.rows.jobs.values():
            refs += [ref for j in jobs if not j.final for ref in j.environment.values()]
        return {ref.key for ref in refs}


def _may_go(unit: Unit | None, rows: tuple[Release, ...], release: Release) -> bool:
    """`rows` newest first."""
    if not release.slug_kept or unit is None:
        return release.slug_kept
    back_to = unit.intent.rollback_to
    return release not in (rows[0],) and release.status != "pending" and release.version != back_to
