"""What functions imported, on disk: the next supervisor has something to fork from at once."""

import contextlib
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import msgspec

from setpoint.drivers.local.files import write_whole
from setpoint.model.ids import AppId, Digest
from setpoint.model.process import ProcessSpec


class Kin(NamedTuple):
    """Whose processes may be forked from one: the same app, code, packages and Python."""

    app: AppId
    code: Digest
    layer: Digest | None
    python: str

    @staticmethod
    def of(app: AppId, spec: ProcessSpec) -> "Kin":
        return Kin(app, spec.code, spec.layer, spec.python)


class Recorded(msgspec.Struct, frozen=True):
    """`modules`: in the order of their imports. `unsafe`: process types that object to forks."""

    modules: tuple[str, ...] = ()
    unsafe: tuple[str, ...] = ()


class Imports:
    """No fsync: what a power cut takes is told again by the next start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def load(self, kin: Kin) -> Recorded:
        """Empty where nothing is known that can be read."""
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            return msgspec.json.decode(self._path(kin).read_bytes(), type=Recorded)
        return Recorded()

    def keep(self, kin: Kin, recorded: Recorded) -> None:
        with contextlib.suppress(OSError):  # a full disk costs the next supervisor speed
            write_whole(self._path(kin), msgspec.json.encode(recorded))

    def retain(self, kins: Iterable[Kin]) -> None:
        wanted = {self._path(kin) for kin in kins}
        for path in self._folder.iterdir():
            if path not in wanted:
                path.unlink(missing_ok=True)

    def _path(self, kin: Kin) -> Path:
        return self._folder / sha256(msgspec.json.encode(kin)).hexdigest()[:32]
