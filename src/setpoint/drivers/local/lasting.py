"""What the supervisor must remember beyond a reboot: each app's highest fences, sets and its uid.

One small file per app in the data directory, replaced whole and synced, written only on a rise.

A release of two hundred functions is two hundred rises of one file within a second or two, and a
sync takes ten milliseconds of everybody's time. So each rise goes at once into a copy beside the
orders, which outlives this process, and the synced one follows for all of them. What a power cut
takes away in between is missed by nobody: all who could send an older order have ended with it.
"""

import contextlib
import logging
from collections.abc import Callable
from itertools import islice

import msgspec
from msgspec.structs import replace

from setpoint.drivers.local.files import Folder
from setpoint.drivers.local.names import HASH_CHARS
from setpoint.model.errors import Stale, Terminal
from setpoint.model.ids import AppId, Digest, Fence, SetKey


class Remembered(msgspec.Struct, frozen=True):
    """`number`: the app's place among app uids, None before its first instance.

    `sets`: whole keys by the part that instances carry in their names.
    """

    fences: dict[str, Fence] = {}
    number: int | None = None
    sets: dict[str, SetKey] = {}


Later = Callable[[float, Callable[[], None]], object]
LOWEST = Fence(0, 0)
SYNC_S, AGAIN_S = 0.2, 5.0
SYNCED_AT_ONCE = 20
"""A sync takes up to ten milliseconds in which nobody else is served."""

log = logging.getLogger("setpoint.supervisor")


class Lasting:
    """`uids`: how many apps may have a uid of their own at one time. `recent`: where copies go that
    need not outlive a reboot, with the event loop's clock; None: everything is synced at once."""

    def __init__(
        self, folder: Folder, uids: int, recent: Folder | None = None, later: Later | None = None
    ) -> None:
        self._folder = folder
        self._recent = recent
        self._later = later
        self._uids = uids
        self._unsynced: dict[AppId, None] = {}
        self._apps = {app: _decode(folder.read(_name(app))) for app in _apps(folder)}
        if recent is not None:
            for app in _apps(recent):
                with contextlib.suppress(OSError, msgspec.MsgspecError):
                    self._take_up(app, _decode(recent.read(_name(app))))

    def _take_up(self, app: AppId, copy: Remembered) -> None:
        """A number counts wherever it stands: the synced file has it first."""
        kept = self._apps.get(app)
        if copy.number is None and kept is not None:
            copy = replace(copy, number=kept.number)
        if copy != kept:
            self._apps[app] = copy
            self._sync_later(app)

    def ordered(self, key: SetKey, fence: Fence) -> None:
        """An order for this set, with this fence. Raises Stale where a newer one was seen."""
        app = self._app(key.app)
        risen = self._check(app, key, fence)
        known = app.sets.get(_part(key)) == key
        if risen or not known:
            self._keep(key.app, replace(risen or app, sets={**app.sets, _part(key): key}))

    def removed(self, key: SetKey, fence: Fence) -> None:
        """Raises Stale."""
        risen = self._check(self._app(key.app), key, fence)
        if risen is not None:
            self._keep(key.app, risen)

    def gone(self, key: SetKey) -> None:
        """Nothing of this set is left. Its fence stays."""
        app = self._app(key.app)
        if _part(key) in app.sets:
            left = {part: k for part, k in app.sets.items() if k != key}
            self._keep(key.app, replace(app, sets=left))

    def resolve(self, app: AppId, process: str, hash: str) -> SetKey:
        """The whole key behind the part of it in a name; one nobody will ask for, if forgotten."""
        part = f"{process}.{hash}"
        return self._app(app).sets.get(part, SetKey(app, process, Digest(hash)))

    def highest(self, key: SetKey) -> Fence:
        """That was seen for its process."""
        return self._app(key.app).fences.get(key.process, LOWEST)

    def _check(self, app: Remembered, key: SetKey, fence: Fence) -> Remembered | None:
        highest = app.fences.get(key.process, LOWEST)
        if fence < highest:
            raise Stale(
                f"cannot change {key.process}: fence {fence} is stale, {highest} was here already"
            )
        if fence == highest:
            return None
        return replace(app, fences={**app.fences, key.process: fence})

    def number(self, app: AppId) -> int:
        """The app's own number, the same for as long as the app exists. Raises Terminal, OSError.

        Synced before it counts: another must never get the same, since files belong to it."""
        remembered = self._app(app)
        if remembered.number is None:
            remembered = replace(remembered, number=self._free_number())
            self._write(app, remembered)
            self._apps[app] = remembered
        assert remembered.number is not None
        return remembered.number

    def forget(self, app: AppId) -> None:
        """Raises OSError, and then its number is still its own."""
        self._folder.remove(_name(app))
        if self._recent is not None:
            self._recent.remove(_name(app))
        self._apps.pop(app, None)
        self._unsynced.pop(app, None)

    def sync(self) -> None:
        """What rose lately outlives a power cut from here on."""
        self._sync(list(self._unsynced))

    def _sync(self, apps: list[AppId]) -> None:
        for app in apps:
            self._write(app, self._apps[app])

    def _write(self, app: AppId, remembered: Remembered) -> None:
        self._folder.write(_name(app), msgspec.json.encode(remembered), durable=True)
        self._unsynced.pop(app, None)

    def _free_number(self) -> int:
        taken = {a.number for a in self._apps.values()}
        free = next((n for n in range(self._uids) if n not in taken), None)
        if free is None:
            raise Terminal(f"cannot start another app: all {self._uids} uids for apps are taken")
        return free

    def _app(self, app: AppId) -> Remembered:
        return self._apps.get(app, Remembered())

    def _keep(self, app: AppId, remembered: Remembered) -> None:
        """Written before it counts."""
        if self._recent is None:
            self._write(app, remembered)
        else:
            self._recent.write(_name(app), msgspec.json.encode(remembered))
            self._sync_later(app)
        self._apps[app] = remembered

    def _sync_later(self, app: AppId) -> None:
        if not self._unsynced and self._later is not None:
            self._later(SYNC_S, self._sync_or_again)
        self._unsynced[app] = None

    def _sync_or_again(self) -> None:
        next_s = 0.0
        try:
            self._sync(list(islice(self._unsynced, SYNCED_AT_ONCE)))
        except OSError as error:  # the disk is full: everything is still in the other copy
            log.warning("fences.not_synced", extra={"why": str(error)})
            next_s = AGAIN_S
        if self._unsynced and self._later is not None:
            self._later(next_s, self._sync_or_again)


def _part(key: SetKey) -> str:
    return f"{key.process}.{key.spec_hash[:HASH_CHARS]}"


def _apps(folder: Folder) -> list[AppId]:
    return [AppId(n.removesuffix(".json")) for n in folder.names() if n.endswith(".json")]


def _name(app: AppId) -> str:
    return f"{app}.json"


_decode = msgspec.json.Decoder(Remembered).decode
