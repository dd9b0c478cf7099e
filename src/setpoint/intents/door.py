"""What every intent needs, and the beginning and end they all share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from setpoint.intents import deciding
from setpoint.model.app import AppIntent, Unit
from setpoint.model.change import Asked
from setpoint.model.errors import Unreadable
from setpoint.model.ids import AppId
from setpoint.model.pipeline import Promoted
from setpoint.model.retention import DEFAULTS, Headroom, Retention
from setpoint.model.target import telling
from setpoint.policy import access, words
from setpoint.policy.addresses import Network
from setpoint.store.port import Store, UnitWrite


@dataclass(frozen=True)
class Door:
    """`wake` carries a name and no payload: the loop looks for itself.

    `new_id`: unique for ever. `new_token`: unguessable, fit to be a credential.
    `headroom`: of the disk, now; `retention`: as the operator set it. `reachable`: networks the
    operator opened to addresses of users', besides public ones.
    """

    store: Store
    wake: Callable[[AppId], None]
    new_id: Callable[[], str]
    new_token: Callable[[], str]
    headroom: Callable[[], Headroom] = lambda: Headroom(1, 1)
    retention: Retention = DEFAULTS
    reachable: tuple[Network, ...] = ()


async def app_to(door: Door, asked: Asked, verb: str, name: str) -> Unit:
    """The app, if the actor may do this to it. One that is being destroyed is there no more."""
    access.authorise(asked.actor, verb, name)
    try:
        unit = await door.store.unit_named(name)
    except Unreadable:
        damaged = await door.store.damaged()
        owners = {one.name: one.owner for one in damaged}
        access.hide_unread(asked.actor, verb, name, owners)
        raise
    if unit is None or unit.intent.deleted:
        raise access.no_such_app(verb, name)
    access.admit(asked.actor, verb, unit)
    return unit


async def change(
    door: Door,
    asked: Asked,
    verb: str,
    summary: str,
    base: Unit | None,
    intent: AppIntent,
    secrets: Mapping[str, str] = {},
    restated: tuple[str, ...] = (),
    promoted: Promoted | None = None,
    whys: Mapping[str, str] = {},
) -> Unit:
    """One app's new document as one Change, and the loop woken. `base` None: it is created.
    `promoted`: where the slug of its source is taken over from; `whys`: said beside values."""
    unsayable = await _unsayable(door, asked, base, intent, secrets)
    asked, decided = await deciding.part_of(door.store, words.linked(asked), base, intent)
    if decided is not None:
        words.check_told(deciding.told(decided), unsayable, asked.why_source)
    asked = words.accepted(asked, unsayable)
    rev = base.rev if base is not None else None
    write = UnitWrite(intent, rev, restated=restated, whys=whys, promoted=promoted)
    committed = await door.store.commit(asked, verb, summary, [write], secrets, decided)
    unit = committed.units[0]
    door.wake(unit.id)
    return unit


async def _unsayable(
    door: Door, asked: Asked, base: Unit | None, intent: AppIntent, secrets: Mapping[str, str]
) -> tuple[str, ...]:
    """Values that must not stand in a why: of before and of after. Nothing is decrypted where
    nothing is said."""
    if not asked.why:
        return ()
    refs = (*(base.intent.sealed if base is not None else ()), *intent.sealed)
    stored = await door.store.reveal({r.key: r for r in refs if r.key not in secrets})
    return telling((*stored.values(), *secrets.values()))
