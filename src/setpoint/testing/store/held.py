"""Memory as one daemon has it: it is let in while no other was started after it, and what it
writes is kept while there is room."""

from collections.abc import Awaitable, Callable
from typing import Any

from setpoint.model.errors import Superseded
from setpoint.testing.store.tables import Tables

FREE = frozenset(
    {
        "fingerprint",
        "remembered",
        "unit_named",
        "units",
        "standings",
        "unit_ids",
        "damaged",
        "reveal",
        "changes",
        "change",
    }
    | {"notes", "decisions", "read_up_to", "fields", "field", "touching", "as_of", "events"}
    | {"event_bounds", "touched", "news", "acts_seen", "journal", "status", "took", "builds"}
    | {"releases", "release", "jobs", "source_known", "kept_releases", "close"}
)
"""Reads that nobody checks: what they tell may be old, and is looked at again before an effect."""


READS = FREE | {"unit", "rev", "refusal", "marked", "proofread", "blemishes"}


class Held:
    """`number`: of this tenure; the store itself counts who is in."""

    def __init__(self, store: Tables, number: int) -> None:
        self._store = store
        self._number = number

    @property
    def lost(self) -> bool:
        return self._store.tenure != self._number

    @property
    def incarnation(self) -> int:
        return self._store.incarnation

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._store, name)
        if name in FREE:
            return method

        async def checked(*args: Any, **named: Any) -> Any:
            if self.lost:
                raise Superseded("cannot use the store: another daemon has taken over")
            if self._store.shut is not None and name not in READS:
                self._store.refused = self._store.shut
                raise self._store.shut
            return await method(*args, **named)

        return checked
