"""Is a process that answered at its port still there for anybody? Standard library only.

A busy process is never taken for a hung one: some thread of it runs, or waits until it may. Nor is
one that waits for a disk, or that somebody traces.
"""

import contextlib
import socket
from dataclasses import dataclass
from pathlib import Path

EVERY_S = 2.0
MISSES_MAX = 3
"""Misses in a row after which it is given up."""
CONNECT_S_MAX = 0.2
USED_SHARE_MAX = 0.02
"""A process that sleeps has timers all the same; one that serves uses more."""
AT_REST = frozenset("ST")
"""Asleep or stopped, in the kernel's letters. Not: running (R), at the disk (D), traced (t)."""
QUESTION = b"GET / HTTP/1.1\r\nHost: setpoint.invalid\r\nConnection: close\r\n\r\n"
"""for a host that nobody can have: Envoy answers it by itself, and nothing is logged of it"""


@dataclass(frozen=True)
class Doing:
    """Of all threads: time they ran, or stood in line for a processor; and how they are now."""

    used_ns: int
    states: frozenset[str]


class Door:
    """`look` is called again and again, and asks when it is time to. Between two questions the
    answer has time to come."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._begin(0)

    def _begin(self, pid: int) -> None:
        self._pid, self._answered, self._misses = pid, False, 0
        self._asked_s: float | None = None
        self._link: socket.socket | None = None
        self._refused = False
        self._before: Doing | None = None

    def has_answered(self, pid: int) -> bool:
        """At least once."""
        return self._answered and pid == self._pid

    def look(self, pid: int, now_s: float) -> str:
        """What is wrong with it, or ''. One that has not answered yet may still be starting."""
        if pid != self._pid:
            self.close()
            self._begin(pid)
        if self._asked_s is not None and now_s - self._asked_s < EVERY_S:
            return ""
        wrong = "" if self._asked_s is None else self._judge(now_s - self._asked_s)
        self._ask(now_s)
        return wrong

    def _judge(self, past_s: float) -> str:
        if self._hears():
            self._answered, self._misses, self._before = True, 0, None
            return ""
        wrong = self._wrong(past_s) if self._answered else ""
        self._before = doing(self._pid)
        self._misses = self._misses + 1 if wrong else 0
        return wrong if self._misses >= MISSES_MAX else ""

    def _wrong(self, past_s: float) -> str:
        if self._refused:
            return "nothing listens at its port any more"
        if self._before is not None and hangs(self._before, doing(self._pid), past_s):
            return "it neither answered nor ran"
        return ""

    def _hears(self) -> bool:
        """An end without an answer is one, too: somebody has to close what was accepted."""
        if self._link is None:
            return False
        try:
            self._link.recv(1)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def _ask(self, now_s: float) -> None:
        self.close()
        self._asked_s, self._refused = now_s, False
        try:
            self._link = socket.create_connection(self._address, CONNECT_S_MAX)
            self._link.sendall(QUESTION)
            self._link.setblocking(False)
        except ConnectionRefusedError:
            self._refused = True
        except OSError:
            self.close()

    def close(self) -> None:
        if self._link is not None:
            self._link.close()
        self._link = None


def hangs(before: Doing, after: Doing | None, past_s: float) -> bool:
    if after is None or not after.states <= AT_REST:
        return False
    return after.used_ns - before.used_ns < past_s * USED_SHARE_MAX * 1e9


def doing(pid: int, proc: Path = Path("/proc")) -> Doing | None:
    """None where the process is gone, or this kernel does not tell."""
    used_ns, states = 0, set[str]()
    with contextlib.suppress(OSError, ValueError, IndexError):
        for thread in (proc / str(pid) / "task").iterdir():
            ran, stood, _ = (thread / "schedstat").read_text(encoding="ascii").split()
            stat = (thread / "stat").read_text(encoding="utf-8", errors="replace")
            states.add(stat.rpartition(")")[2].split()[0])
            used_ns += int(ran) + int(stood)
        return Doing(used_ns, frozenset(states)) if used_ns else None  # whoever lives has run
    return None
