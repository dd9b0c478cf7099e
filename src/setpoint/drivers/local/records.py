"""A record per live instance in the runtime directory: what a new supervisor adopts it by.

Written whole before and after a start and at each change of phase; tmpfs, so without fsync.
"""

import contextlib
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from setpoint.drivers.local.files import write_whole
from setpoint.drivers.local.names import HostName, InstanceName
from setpoint.drivers.local.sandbox import Identity
from setpoint.model.ids import SetKey
from setpoint.model.process import Instance, ProcessKind


class Record(msgspec.Struct, frozen=True):
    """`identity` None: it was about to be started. `doomed`: killed for not getting ready.
    `footing`: the folders of its layers, by inode. `apart_s`: of the clock that its moments go by.
    """

    key: SetKey
    kind: ProcessKind
    instance: Instance
    identity: Identity | None = None
    doomed: bool = False
    footing: tuple[int, ...] = ()
    apart_s: float | None = None


class Files:
    """The files of one instance, by its name on the host."""

    def __init__(self, folder: Path, app: str, name: HostName) -> None:
        stem = f"{app}@{name}"
        self.record = folder / f"{stem}.json"
        self.output = folder / f"{stem}.out"
        self.status = folder / f"{stem}.status"
        self.notify = folder / f"{stem}.ready"

    def move_to(self, other: "Files") -> None:
        """What it writes to, under another name: whoever has it open notices nothing."""
        self.output.rename(other.output)
        self.status.rename(other.status)

    def drop(self) -> None:
        for path in (self.record, self.output, self.status, self.notify):
            path.unlink(missing_ok=True)


def keep(files: Files, record: Record) -> None:
    write_whole(files.record, msgspec.json.encode(record))


def sweep(folder: Path, living: Collection[str]) -> None:
    """What a supervisor that was killed had begun to write, of what then never began. `living`: as
    'app@name' all that runs; what is on record stays as well."""
    kept = {*living, *(path.stem for path in folder.glob("*.json"))}
    for path in folder.iterdir():
        if path.stem not in kept and not path.is_dir():
            path.unlink(missing_ok=True)


def load(folder: Path) -> Iterator[tuple[str, InstanceName, Record]]:
    """(app, name, record) of each record that can be read."""
    for path in sorted(folder.glob("*.json")):
        app, _, rest = path.stem.partition("@")
        name = InstanceName.parse(rest)
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            record = msgspec.json.decode(path.read_bytes(), type=Record)
            if name is not None:
                yield app, name, record
