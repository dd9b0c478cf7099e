"""The keeper's shelf, as the supervisor uses it: descriptors that outlive a supervisor.

A function's listening socket holds requests that nobody accepted yet; with a copy on the shelf
they survive the supervisor's death. Without a keeper (in tests) nothing is kept.
"""

import contextlib
import json
import socket
from pathlib import Path

ANSWER_S_MAX = 0.5
ANSWER_BYTES_MAX = 4096


class Shelf:
    def __init__(self, keeper: Path) -> None:
        self._keeper = keeper

    def put(self, name: str, fd: int) -> None:
        self._ask({"do": "park", "name": name}, fd)

    def take_copy(self, name: str) -> int | None:
        """A descriptor put there before, perhaps by an earlier supervisor."""
        return self._ask({"do": "parked", "name": name})

    def drop(self, name: str) -> None:
        self._ask({"do": "unpark", "name": name})

    def _ask(self, request: dict[str, str], *fds: int) -> int | None:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as link:
            link.settimeout(ANSWER_S_MAX)
            link.connect(str(self._keeper))
            socket.send_fds(link, [json.dumps(request).encode()], fds)
            _, received, _, _ = socket.recv_fds(link, ANSWER_BYTES_MAX, 1)
            return received[0] if received else None
        return None
