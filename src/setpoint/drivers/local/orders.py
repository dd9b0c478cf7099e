"""Standing orders on disk, so that a new supervisor goes on where the last one ended.

They hold config values: the folder is the supervisor's alone and lies in the runtime directory,
which a reboot wipes. No fsync: after a power cut the loop gives the orders again.
"""

import contextlib
from collections.abc import Iterator

import msgspec
from msgspec.structs import asdict, replace

from setpoint.drivers.clock import Clock
from setpoint.drivers.local.files import Folder
from setpoint.model.ids import SetKey
from setpoint.model.process import Adrift, Exit, ProbeSeen, SetFacts, SetOrder


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
    adrift: tuple[Adrift, ...] = ()


class _Kept(Marks, frozen=True):
    """`apart_s`: of the clock that its moments go by."""

    apart_s: float | None = None


def marks_of(facts: SetFacts) -> Marks:
    return Marks(**{name: getattr(facts, name) for name in Marks.__struct_fields__})


def with_marks(facts: SetFacts, marks: Marks) -> SetFacts:
    return replace(facts, **{name: getattr(marks, name) for name in Marks.__struct_fields__})


class Orders:
    def __init__(self, folder: Folder, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
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
            kept = _Kept(**asdict(marks), apart_s=self._clock.apart_s)
            self._folder.write(f"{facts.key.short}.marks", msgspec.json.encode(kept))
            self._marks[facts.key] = marks

    def drop(self, key: SetKey) -> None:
        self._marks.pop(key, None)
        for suffix in (".order", ".marks"):
            self._folder.remove(f"{key.short}{suffix}")

    def _load_marks(self, key: SetKey) -> Marks:
        """What is on disk need not be written again: of thousands that sleep nothing changed."""
        try:
            data = self._folder.read(f"{key.short}.marks")
            kept = msgspec.json.decode(data, type=_Kept)
        except (OSError, msgspec.MsgspecError):
            return Marks()
        marks = self._marks[key] = Marks(*(getattr(kept, n) for n in Marks.__struct_fields__))
        return self._shifted(marks, self._clock.since(kept.apart_s))

    def _shifted(self, marks: Marks, by_s: float) -> Marks:
        """Never to a moment that is to come: a folder in which a reboot left everything has been
        written by another boot's seconds."""
        if not by_s:
            return marks
        last, now_s = marks.last_exit, self._clock.now_s()
        if last is not None:
            last = replace(last, at_s=min(last.at_s + by_s, now_s))
        adrift = (replace(a, since_s=min(a.since_s + by_s, now_s)) for a in marks.adrift)
        return replace(marks, last_exit=last, adrift=tuple(adrift))
