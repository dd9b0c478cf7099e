"""Where the requests of simulated functions wait. A queue outlives the supervisor."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from setpoint.drivers.local.seams import Timers, Watch
from setpoint.drivers.local.sockets import BUSY_S
from setpoint.model.ids import SetKey
from setpoint.model.process import Endpoint
from setpoint.testing.folders import Folders


class SimQueue:
    """A `drivers.local.seams.Queue`."""

    def __init__(self, key: SetKey, waiting: dict[SetKey, int], timers: Timers) -> None:
        self._closed = False
        self.fresh = key not in waiting
        self.name = f"/sim/{key.short}.sock"
        self.endpoint = Endpoint("pipe", self.name)
        self._key = key
        self._waiting = waiting
        self._timers = timers
        self._watch: Watch = "off"
        self._on_demand: Callable[[], None] = lambda: None
        waiting.setdefault(key, 0)

    @property
    def lost(self) -> str:
        if self._closed:
            raise ValueError("file descriptor cannot be a negative integer (-1)")
        return "" if self._key in self._waiting else "has lost its listening socket to an outsider"

    def fileno(self) -> int:
        raise AssertionError("nothing of this machine's opens it")

    def watch(self, how: Watch, on_demand: Callable[[], None]) -> None:
        self._on_demand = on_demand
        if how != self._watch:
            self._watch = how
            self.look()

    def look(self) -> None:
        """Somebody waits, or somebody has begun to watch."""
        if self._watch != "off" and self.queued():
            self._timers.call_later(0.0 if self._watch == "at once" else BUSY_S, self._report)

    def queued(self) -> bool:
        return self._waiting.get(self._key, 0) > 0

    def close(self) -> None:
        self._watch, self._closed = "off", True

    def _report(self) -> None:
        if self._watch != "off" and self.queued():
            self._watch = "off"
            self._on_demand()


class SimQueues:
    """`drivers.local.seams.Queues`. How many there are at each is the machine's to know, and a new
    one needs room on its disk. `point`: called before and after each effect."""

    def __init__(self, machine: Folders, timers: Timers, point: Callable[[], None]) -> None:
        self._machine = machine
        self._waiting = machine.queues
        self._timers = timers
        self._point = point
        self._open: dict[SetKey, SimQueue] = {}

    def check_room(self, open_: int) -> None:
        """There is room for all."""

    def open(self, key: SetKey) -> SimQueue:
        """Raises OSError where one is made anew and cannot be."""
        self._point()
        if key not in self._waiting:
            self._machine.check_files()
            self._machine.check_place(key)
        queue = self._open[key] = SimQueue(key, self._waiting, self._timers)
        self._point()
        return queue

    @contextmanager
    def found(self) -> Generator[None]:
        yield

    def drop(self, key: SetKey) -> None:
        self._point()
        self._waiting.pop(key, None)
        self._open.pop(key, None)
        self._point()

    def spoil(self, key: SetKey) -> None:
        """Whoever looks at it meets an error."""
        self._open[key].close()

    def put(self, key: SetKey) -> None:
        """One more waits."""
        self._waiting[key] = self._waiting.get(key, 0) + 1
        if key in self._open:
            self._open[key].look()

    def take_all(self, key: SetKey) -> None:
        """By an instance that is ready."""
        if key in self._waiting:
            self._waiting[key] = 0
