"""Descriptors that a child of the keeper leaves with it, by name, to find again when restarted.

A function's listening socket holds requests nobody accepted yet; they must not die with the
supervisor. Stdlib only, as all of the keeper.
"""

import os
from dataclasses import dataclass, field

NAMES_MAX = 16_384
PAGE = 200
"""The kernel passes 253 descriptors with one message."""


@dataclass
class Shelf:
    fds: dict[str, int] = field(default_factory=dict[str, int])

    def park(self, name: str, given: list[int]) -> dict[str, object]:
        """Keep the one given. Whatever had this name before is let go."""
        if len(given) != 1 or not name or len(self.fds) >= NAMES_MAX:
            _close(given)
            return {"error": "cannot park: one descriptor and its name, and room for it, it takes"}
        self.unpark(name)
        self.fds[name] = given[0]
        return {"done": True}

    def unpark(self, name: str) -> dict[str, object]:
        """Absent is success."""
        if name in self.fds:
            os.close(self.fds.pop(name))
        return {"done": True}

    def parked(self, name: str) -> list[int]:
        """To be sent as a copy; the original stays."""
        return [self.fds[name]] if name in self.fds else []

    def page(self, after: str) -> tuple[list[str], list[int]]:
        """The next names in order, and their descriptors; none: that was all."""
        names = sorted(name for name in self.fds if name > after)[:PAGE]
        return names, [self.fds[name] for name in names]


def _close(fds: list[int]) -> None:
    for fd in fds:
        os.close(fd)
