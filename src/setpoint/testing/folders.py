"""Small files of the simulated machine, as `drivers.local.files.Folder` has them on a disk."""

import errno
import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from setpoint.drivers.local.orders import Marks
from setpoint.model.ids import AppId, SetKey

LASTING = ("supervisor", "ledger")
"""On the disk; all others lie in memory and end with the machine."""

Where = Literal["disk", "memory"]
EVERYWHERE: tuple[Where, ...] = ("disk", "memory")


class Folders:
    """`queues`: how many wait at each function's socket, of which the keeper has a copy."""

    def __init__(self) -> None:
        self._folders: dict[str, dict[str, bytes]] = defaultdict(dict)
        self.queues: dict[SetKey, int] = {}
        self.full: tuple[Where, ...] = ()
        """where nothing can be written"""
        self.no_sockets = False
        """too many files are open"""
        self.cut: set[AppId] = set()
        """whose networks somebody took away"""
        self.obstructed: set[SetKey | AppId] = set()
        """where somebody else put something in the place of a socket, or of a network"""

    def at(self, name: str, point: Callable[[], None]) -> "SimFolder":
        """`point`: called before and after each effect; raises where its caller dies."""
        return SimFolder(self, name, point)

    def files(self, name: str) -> dict[str, bytes]:
        return self._folders[name]

    def check_room(self, where: Where) -> None:
        """Raises OSError."""
        if where in self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def check_files(self) -> None:
        """For one more that is open, which is made in memory. Raises OSError."""
        self.check_room("memory")
        if self.no_sockets:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    def check_place(self, key: SetKey) -> None:
        """For its socket. Raises OSError."""
        if key in self.obstructed:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))

    def has_given_up(self, key: SetKey) -> bool:
        """Is it on record?"""
        marks = self._folders["orders"].get(f"{key.short}.marks")
        return marks is not None and msgspec.json.decode(marks, type=Marks).gave_up

    def forget(self, key: SetKey, records: Iterable[str]) -> None:
        """Whatever is on record of a set: its order, and these of its instances."""
        for name in (f"{key.short}.order", f"{key.short}.marks"):
            self._folders["orders"].pop(name, None)
        for name in records:
            self._folders["instances"].pop(name, None)

    def power_off(self) -> None:
        self.wipe()
        self.queues.clear()

    def wipe(self) -> None:
        """An outsider removes what lies in memory; sockets are in the keeper's hands."""
        for name, files in self._folders.items():
            if name not in LASTING:
                files.clear()


class SimFolder:
    """A `drivers.local.files.Folder`."""

    def __init__(self, machine: Folders, name: str, point: Callable[[], None]) -> None:
        self._machine = machine
        self._files = machine.files(name)
        self._where: Where = "disk" if name in LASTING else "memory"
        self._point = point

    def names(self) -> list[str]:
        return sorted(self._files)

    def read(self, name: str) -> bytes:
        try:
            return self._files[name]
        except KeyError:
            raise FileNotFoundError(name) from None

    def write(self, name: str, content: bytes, *, durable: bool = False) -> None:
        self._point()
        self._machine.check_room(self._where)
        self._files[name] = content
        self._point()

    def append(self, name: str, content: bytes) -> None:
        self._point()
        self._machine.check_room(self._where)
        self._files[name] = self._files.get(name, b"") + content
        self._point()

    def remove(self, name: str) -> None:
        self._point()
        self._files.pop(name, None)
        self._point()
