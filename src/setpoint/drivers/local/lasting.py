"""What the supervisor must remember beyond a reboot: each app's highest fences, sets and its uid.

One small file per app in the data directory, replaced whole and synced, written only on a rise.
"""

from pathlib import Path

import msgspec
from msgspec.structs import replace

from setpoint.drivers.local.files import write_whole
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


class Lasting:
    """`uids`: how many apps may have a uid of their own at one time."""

    def __init__(self, folder: Path, uids: int) -> None:
        self._folder = folder
        self._uids = uids
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._apps = {AppId(p.stem): _read(p) for p in folder.glob("*.json")}

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
            self._keep(key.app, replace(app, sets=left), durable=False)

    def resolve(self, app: AppId, process: str, hash: str) -> SetKey:
        """The whole key behind the part of it in a name; one nobody will ask for, if forgotten."""
        part = f"{process}.{hash}"
        return self._app(app).sets.get(part, SetKey(app, process, Digest(hash)))

    def _check(self, app: Remembered, key: SetKey, fence: Fence) -> Remembered | None:
        highest = app.fences.get(key.process, Fence(0, 0))
        if fence < highest:
            raise Stale(
                f"cannot change {key.process}: fence {fence} is stale, {highest} was here already"
            )
        if fence == highest:
            return None
        return replace(app, fences={**app.fences, key.process: fence})

    def number(self, app: AppId) -> int:
        """The app's own number, the same for as long as the app exists. Raises Terminal."""
        remembered = self._app(app)
        if remembered.number is None:
            remembered = replace(remembered, number=self._free_number())
            self._keep(app, remembered)
        assert remembered.number is not None
        return remembered.number

    def forget(self, app: AppId) -> None:
        self._apps.pop(app, None)
        self._path(app).unlink(missing_ok=True)

    def _free_number(self) -> int:
        taken = {a.number for a in self._apps.values()}
        free = next((n for n in range(self._uids) if n not in taken), None)
        if free is None:
            raise Terminal(f"cannot start another app: all {self._uids} uids for apps are taken")
        return free

    def _app(self, app: AppId) -> Remembered:
        return self._apps.get(app, Remembered())

    def _keep(self, app: AppId, remembered: Remembered, *, durable: bool = True) -> None:
        write_whole(self._path(app), msgspec.json.encode(remembered), durable=durable)
        self._apps[app] = remembered

    def _path(self, app: AppId) -> Path:
        return self._folder / f"{app}.json"


def _part(key: SetKey) -> str:
    return f"{key.process}.{key.spec_hash[:HASH_CHARS]}"


def _read(path: Path) -> Remembered:
    return msgspec.json.decode(path.read_bytes(), type=Remembered)
