"""What a release phase says while a deploy waits for it, each line once."""

import json
import queue
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from setpoint.cli.client import Answered, Unreachable, path
from setpoint.cli.command import Here

LINES_MAX = 10_000


class ReleaseOutput:
    """`since_s`: unix seconds of the server, before this deploy's release phase can begin."""

    def __init__(self, here: Here, app: str, since_s: float) -> None:
        self._here = here
        self._where = (
            path("v1", "apps", app, "logs") + f"?lines={LINES_MAX}&dyno=release&since={since_s:.6f}"
        )
        self._shown = 0
        self._following: _Following | None = None

    def look(self, detail: dict[str, Any]) -> None:
        """While its release phase runs, show what is new."""
        if self._following is None and any(w["on"] == "release" for w in detail["waiting"]):
            self._following = _Following(self._here, f"{self._where}&follow=1")
        if self._following is not None:
            self._tell(self._following.words())

    def show(self) -> None:
        """The rest. A line that breaks off ends nothing: the release phase does not need us."""
        if self._following is not None:
            self._following.close()
        with suppress(Unreachable):
            self._tell(_words(self._here.client.lines(self._where)))

    def _tell(self, words: list[str]) -> None:
        """`words`: all from the first line on."""
        if words and not self._shown:
            self._here.out.line("Running release command...")
        for text in words[self._shown :]:
            self._here.out.line(f"  {text}", "dim")
        self._shown = max(self._shown, len(words))


class _Following:
    """The lines of a stream, taken in beside what else is done."""

    def __init__(self, here: Here, where: str) -> None:
        self._here = here
        self._where = where
        self._came: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._words: list[str] = []
        self._link: socket.socket | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def words(self) -> list[str]:
        """All that were said by now."""
        while not self._came.empty():
            self._words += _words([self._came.get()])
        return self._words

    def close(self) -> None:
        self._closed = True
        if self._link is not None:
            with suppress(OSError):
                self._link.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _listen(self) -> None:
        with suppress(Unreachable, Answered):
            for line in self._here.client.lines(self._where, linked=self._linked):
                self._came.put(line)

    def _linked(self, link: socket.socket) -> None:
        self._link = link
        if self._closed:
            link.shutdown(socket.SHUT_RDWR)


def _words(lines: Iterable[bytes]) -> list[str]:
    said = [json.loads(line) for line in lines]
    return [line["text"] for line in said if _is_release(line)]


def _is_release(line: dict[str, Any]) -> bool:
    return line.get("source") == "app" and str(line["dyno"]).startswith("release.")
