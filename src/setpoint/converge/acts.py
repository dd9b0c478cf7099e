"""Takes what standing orders did into the journal, so that `why` can tell it."""

from setpoint.converge.within import within
from setpoint.drivers.ports import Driver
from setpoint.formats.control import Act
from setpoint.model.journal import DRIFT_RULE, DRIFTED, REPAIRED, Entry
from setpoint.store.port import Store


async def take(store: Store, driver: Driver, timeout_s: float) -> int:
    """Returns how many acts were new. Asks memory each time where it is: a commit whose answer
    was lost must not be repeated."""
    seen = await store.acts_seen()
    async with within(timeout_s, "ask what the supervisor did"):
        acts = await driver.acts(seen)
    if acts:
        await store.record_acts([_entry(act) for act in acts], acts[-1].seq)
    return len(acts)


def _entry(act: Act) -> Entry:
    return Entry(
        id=0,
        app=act.app,
        generation=act.generation,
        kind="act",
        verb=act.verb,
        subject=act.subject,
        rule=DRIFT_RULE if act.verb in (DRIFTED, REPAIRED) else "standing-order",
        because=act.because,
        change=None,
        state="succeeded",
        planned_at_s=act.at_s,
        ended_at_s=act.at_s,
        count=act.count,
        token=f"act-{act.seq}",
    )
