"""Sign-ins under way: begun by a command line, finished in a browser, fetched by the former.

They live as long as this process; who signs in while it is renewed begins again.
"""

import asyncio
import hmac
from dataclasses import dataclass, field

from setpoint.model.account import digest

GOOD_S = 600.0
"""As long as Heroku's client waits."""
ATTEMPTS_MAX = 200
TRIES_MAX = 10
"""Wrong passwords, after which one begins again."""


@dataclass
class Attempt:
    """`place` is in the address that the browser is sent to, `secret` what the command line shows.
    `description`, `came_from`: for the person to know their own by."""

    place: str
    secret: str
    description: str
    came_from: str
    until_s: float
    tries: int = 0
    token: str = field(default="", repr=False)
    refused: str = ""
    decided: asyncio.Event = field(default_factory=asyncio.Event)

    def succeed(self, token: str) -> None:
        if not self.decided.is_set():
            self.token = token
            self.decided.set()

    def fail(self, fact: str) -> None:
        if not self.decided.is_set():
            self.refused = fact
            self.decided.set()


class Attempts:
    """Of more than fit the oldest go: nobody has to have a token to begin one."""

    def __init__(self) -> None:
        self._by_place: dict[str, Attempt] = {}

    def begin(self, attempt: Attempt, now_s: float) -> None:
        gone = [place for place, a in self._by_place.items() if a.until_s <= now_s]
        gone += list(self._by_place)[: max(0, len(self._by_place) + 1 - ATTEMPTS_MAX)]
        for place in gone:
            self.end(place)
        self._by_place[attempt.place] = attempt

    def open(self, place: str, now_s: float) -> Attempt | None:
        """One that nobody has decided yet."""
        attempt = self._by_place.get(place)
        live = attempt is not None and attempt.until_s > now_s and not attempt.decided.is_set()
        return attempt if live else None

    def awaited(self, place: str, secret: str) -> Attempt | None:
        """For whoever began it."""
        attempt = self._by_place.get(place)
        expected = digest(attempt.secret) if attempt is not None else b""
        return attempt if hmac.compare_digest(digest(secret), expected) else None

    def end(self, place: str) -> None:
        attempt = self._by_place.pop(place, None)
        if attempt is not None:
            attempt.fail("it took too long")
