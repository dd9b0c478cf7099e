"""Hearing that something happened, so that nobody need ask again and again."""

import queue
import socket
import threading
from contextlib import suppress
from urllib.parse import urlencode

from setpoint.cli.client import Answered, Client, Unreachable

DEAF_S = 20.0
"""A feed that is silent for so long, though it promises a bookmark every five seconds, is dead."""
COME_BACK_S = 0.2
SERVERS_FAULT = 500


class Feed:
    """Use as a context manager.

    Comes back by itself where the line breaks, from where it was; what it could not hear it tells
    as if it had heard something.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._cursor = self._app = ""
        self._heard: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._link: socket.socket | None = None
        self._closed = threading.Event()

    def __enter__(self) -> "Feed":
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        if self._link is not None:
            with suppress(OSError):
                self._link.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:
            self._thread.join()

    def since(self, cursor: str, app: str = "") -> None:
        """From where to listen, as the first answer said; a second call changes nothing. `app`: its
        id, so that a new name does not matter; '': to everything."""
        if self._thread is None:
            self._cursor, self._app = cursor, app
            self._thread = threading.Thread(target=self._listen, daemon=True)
            self._thread.start()

    def wait(self, timeout_s: float | None) -> bool:
        """Did anything happen since this was last true?"""
        try:
            self._heard.get(timeout=timeout_s)
        except queue.Empty:
            return False
        while not self._heard.empty():
            self._heard.get()
        return True

    def _listen(self) -> None:
        missed = False
        while not self._closed.is_set():
            try:
                self._follow(missed)
            except Unreachable:
                pass
            except Answered as error:
                if error.status < SERVERS_FAULT:
                    self._cursor = ""  # not taken any more; or a look is refused likewise
            missed = True
            self._heard.put(None)
            self._closed.wait(COME_BACK_S)

    def _follow(self, missed: bool) -> None:
        """Until the line breaks. An event's id comes before its type, and then it is heard."""
        for line in self._client.lines(self._where, DEAF_S, self._linked):
            name, _, said = line.partition(b": ")
            if name == b"id":
                self._cursor = said.decode("ascii", "replace")
            elif name == b"event" and said == b"gone":
                self._cursor = ""
                return
            elif name == b"event" and (missed or said != b"bookmark"):
                missed = False
                self._heard.put(None)

    def _linked(self, link: socket.socket) -> None:
        self._link = link
        if self._closed.is_set():
            link.shutdown(socket.SHUT_RDWR)

    @property
    def _where(self) -> str:
        asked = {"app": self._app, "since": self._cursor}
        query = urlencode({name: said for name, said in asked.items() if said})
        return f"/v1/watch?{query}"
