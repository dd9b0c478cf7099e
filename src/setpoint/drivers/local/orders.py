"""Standing orders on disk, so that a new supervisor goes on where the last one ended.

They hold config values: the folder is the supervisor's alone and lies in the runtime directory,
which a reboot wipes. No fsync: after a power cut the loop gives the orders again.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from setpoint.drivers.local.files import write_whole
from setpoint.model.ids import SetKey
from setpoint.model.process import Exit, ProbeSeen, SetFacts, SetOrder


class StoredOrder(msgspec.Struct, frozen=True):
    order: SetOrder
    environment: dict[str, str]


class Marks(msgspec.Struct, frozen=True):
    """The facts of a set that no look at its processes could tell."""

    failures: int = 0
    crashes: int = 0
    last_exit: Exit | None = None
    ever_ready: bool = False
    gave_up: bool = False
    retiring: bool = False
    last_lines: tuple[str, ...] = ()
    last_probe: ProbeSeen | None = None
    lost: int = 0


def marks_of(facts: SetFacts) -> Marks:
    return Marks(**{name: getattr(facts, name) for name in Marks.__struct_fields__})


def with_marks(facts: SetFacts, marks: Marks) -> SetFacts:
    return msgspec.structs.replace(facts, **msgspec.structs.asdict(marks))


class Orders:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._marks: dict[SetKey, Marks] = {}

    def load(self) -> Iterator[tuple[StoredOrder, Marks]]:
        """Every order that can be read. One that cannot is as good as lost: it is given again."""
        decoder = msgspec.json.Decoder(StoredOrder)
        for name in sorted(os.listdir(self._folder)):
            if name.endswith(".order"):
                with contextlib.suppress(OSError, msgspec.MsgspecError):
                    stored = decoder.decode(_read(f"{self._folder}/{name}"))
                    yield stored, self._load_marks(stored.order.key)

    def keep(self, order: SetOrder, environment: dict[str, str]) -> None:
        path = self._path(order.key, ".order")
        write_whole(path, msgspec.json.encode(StoredOrder(order, environment)))

    def mark(self, facts: SetFacts) -> None:
        """Nothing is written when nothing of it changed."""
        marks = marks_of(facts)
        if self._marks.get(facts.key) != marks:
            write_whole(self._path(facts.key, ".marks"), msgspec.json.encode(marks))
            self._marks[facts.key] = marks

    def drop(self, key: SetKey) -> None:
        self._marks.pop(key, None)
        for suffix in (".order", ".marks"):
            self._path(key, suffix).unlink(missing_ok=True)

    def _load_marks(self, key: SetKey) -> Marks:
        """What is on disk need not be written again: of thousands that sleep nothing changed."""
        try:
            data = _read(f"{self._folder}/{key.short}.marks")
            marks = self._marks[key] = msgspec.json.decode(data, type=Marks)
        except (OSError, msgspec.MsgspecError):
            return Marks()
        return marks

    def _path(self, key: SetKey, suffix: str) -> Path:
        return self._folder / f"{key.short}{suffix}"


def _read(path: str) -> bytes:
    """Of thousands in a row: `Path` takes longer than the file itself."""
    with open(path, "rb", buffering=0) as file:
        return file.read()
