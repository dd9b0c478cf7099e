"""The keeper's shelf, as the supervisor uses it: descriptors that outlive a supervisor.

A function's listening socket holds requests that nobody accepted yet; with a copy on the shelf
they survive the supervisor's death. Without a keeper (in tests) nothing is kept.
"""

import contextlib
import json
import os
import socket
from pathlib import Path

ANSWER_S_MAX = 0.5
ANSWER_BYTES_MAX = 4096
PAGE_BYTES_MAX, PAGE_FDS_MAX = 64 * 1024, 253


class Shelf:
    def __init__(self, keeper: Path) -> None:
        self._keeper = keeper

    def put(self, name: str, fd: int) -> None:
        self._ask({"do": "park", "name": name}, fd)

    def take_copy(self, name: str) -> int | None:
        """A descriptor put there before, perhaps by an earlier supervisor."""
        return self._ask({"do": "parked", "name": name})

    def take_all(self) -> dict[str, int]:
        """A copy of everything, by name, some hundred at a time. What could not be had is left
        out: `take_copy` may still."""
        all_of_them: dict[str, int] = {}
        with contextlib.suppress(OSError, ValueError):
            while page := self._page(max(all_of_them, default="")):
                all_of_them |= page
        return all_of_them

    def _page(self, after: str) -> dict[str, int]:
        """Raises OSError, ValueError."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(ANSWER_S_MAX)
            link.connect(str(self._keeper))
            link.sendall(json.dumps({"do": "page", "after": after}).encode())
            said, fds, _, _ = socket.recv_fds(link, PAGE_BYTES_MAX, PAGE_FDS_MAX)
            for fd in fds:  # 3.11 does not pass on the flag for this
                os.set_inheritable(fd, False)
            while not said.endswith(b"\n") and (more := link.recv(PAGE_BYTES_MAX)):
                said += more
        answer: dict[str, list[str]] = json.loads(said)
        return dict(zip(answer.get("names", []), fds, strict=False))

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
