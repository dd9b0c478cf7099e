"""Standing orders on disk, so that a new supervisor goes on where the last one ended.

They hold config values: the folder is the supervisor's alone and lies in the runtime directory,
which a reboot wipes. No fsync: after a power cut the loop gives the orders again.
"""

import contextlib
from collections.abc import Iterator

import msgspec

from setpoint.drivers.local.files import Folder
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
    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._marks: dict[SetKey, Marks] = {}

    def load(self) -> Iterator[tuple[StoredOrder, Marks]]:
        """Every order that can be read. One that cannot is as good as lost: it is given again."""
        decoder = msgspec.json.Decoder(StoredOrder)
        for name in self._folder.names():
            if name.endswith(".order"):
                with contextlib.suppress(OSError, msgspec.MsgspecError):
                    stored = decoder.decode(self._folder.read(name))
                    yield stored, self._load_marks(stored.order.key)

    def keep(self, order: SetOrder, environment: dict[str, str]) -> None:
        stored = StoredOrder(order, environment)
        self._folder.write(f"{order.key.short}.order", msgspec.json.encode(stored))

    def mark(self, facts: SetFacts) -> None:
        """Nothing is written when nothing of it changed."""
        marks = marks_of(facts)
        if self._marks.get(facts.key) != marks:
            self._folder.write(f"{facts.key.short}.marks", msgspec.json.encode(marks))
            self._marks[facts.key] = marks

    def drop(self, key: SetKey) -> None:
        self._marks.pop(key, None)
        for suffix in (".order", ".marks"):
            self._folder.remove(f"{key.short}{suffix}")

    def _load_marks(self, key: SetKey) -> Marks:
        """What is on disk need not be written again: of thousands that sleep nothing changed."""
        try:
            data = self._folder.read(f"{key.short}.marks")
            marks = self._marks[key] = msgspec.json.decode(data, type=Marks)
        except (OSError, msgspec.MsgspecError):
            return Marks()
        return marks
