"""What memory holds of one app and cannot read: said in its conditions, and nothing else is done.

Nothing of such an app is started, stopped or collected: what was intended still stands somewhere,
in a backup or for a newer program.
"""

from collections.abc import Sequence

import msgspec

from setpoint.model.app import Unit
from setpoint.model.condition import CONCLUDED, Condition, ConditionType, stamp
from setpoint.model.ids import AppId
from setpoint.model.observed import StatusSummary
from setpoint.store.port import Damaged, Status, Store

REASON = "Unreadable"
_FALSE = (ConditionType.READY, ConditionType.PROGRESSING)


async def found(store: Store, units: Sequence[Unit]) -> tuple[Damaged, ...]:
    """Those that are missing among `units` because they cannot be read. Rarely any, and only then
    is each document looked at."""
    if len(await store.unit_ids()) <= len(units):
        return ()
    return await store.damaged()


async def tell(store: Store, app: AppId, generation: int, fact: str, now_s: float) -> None:
    """One commit the first time, none after that. `now_s`: unix seconds."""
    before = await store.status(app)
    known = before.conditions if before is not None else ()
    conditions = stamp(
        known, tuple(_told(t, generation, fact) for t in ConditionType if t in CONCLUDED), now_s
    )
    if before is not None and (before.observed_generation, known) == (generation, conditions):
        return
    summary = before.summary if before is not None else msgspec.json.encode(StatusSummary())
    await store.end_pass([], app, Status(generation, conditions, summary, now_s), now_s)


def _told(type_: ConditionType, generation: int, fact: str) -> Condition:
    message = fact if type_ is ConditionType.STALLED else ""
    return Condition(type_, type_ not in _FALSE, REASON, message, generation)
