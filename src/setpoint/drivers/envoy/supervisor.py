"""The edge's line to the supervisor: facts come in, wants and sightings go out.

Everything that goes out is a level (only the newest matters) or log lines, so a supervisor that is
away costs nothing but time: what is still true is said again when it is back.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from setpoint.drivers.envoy.bell import Bell
from setpoint.drivers.envoy.line import Broken, Line
from setpoint.drivers.envoy.outbox import Level, Outbox
from setpoint.formats.control import FactsChanged, Failed, LogLine, SnapshotEnd, Subscribe
from setpoint.model.ids import AppId, SetKey
from setpoint.model.process import SetFacts

RETRY_S_MIN, RETRY_S_MAX = 0.05, 1.0
REPLY_S_MAX = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Listener:
    """Who is told. `complete`: the full account was given, these are all the sets there are."""

    facts: Callable[[SetKey, SetFacts | None], None]
    complete: Callable[[set[SetKey]], None]


class SupervisorLink:
    """`run` keeps two connections for ever: one that listens for facts, one that speaks."""

    def __init__(self, path: Path, listener: Listener) -> None:
        self._path = path
        self._listener = listener
        self._outbox = Outbox()
        self._bell = Bell()

    def tell(self, level: Level) -> None:
        self._outbox.put(level)
        self._bell.ring()

    def log(self, app: AppId, lines: Iterable[LogLine]) -> None:
        self._outbox.log(app, lines)
        self._bell.ring()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._for_ever(self._listen))
            group.create_task(self._for_ever(self._speak))

    async def _for_ever(self, talk: Callable[[Line], Awaitable[None]]) -> None:
        wait_s = RETRY_S_MIN
        while True:
            began_s = asyncio.get_running_loop().time()
            try:
                async with Line.to(self._path) as line:
                    await talk(line)
            except (Broken, TimeoutError) as error:
                _log.debug("no supervisor: %s", error)
            if asyncio.get_running_loop().time() - began_s > RETRY_S_MAX:
                wait_s = RETRY_S_MIN
            await asyncio.sleep(wait_s)
            wait_s = min(RETRY_S_MAX, wait_s * 2)

    async def _listen(self, line: Line) -> None:
        """First the full account, then every change."""
        await line.say(Subscribe())
        seen: set[SetKey] = set()
        while True:
            match await line.hear():
                case FactsChanged(key=key, facts=facts) if key is not None and key.process:
                    seen.add(key)
                    self._listener.facts(key, facts)
                case SnapshotEnd():
                    self._listener.complete(seen)
                case Failed(message=message):
                    raise Broken(message)
                case _:
                    pass

    async def _speak(self, line: Line) -> None:
        """A message is gone from the outbox only once the supervisor has answered."""
        while True:
            heard = self._bell.hear()
            for message in self._outbox.take():
                async with asyncio.timeout(REPLY_S_MAX):
                    reply = await line.ask(message)
                if isinstance(reply, Failed):
                    _log.warning("the supervisor refused: %s", reply.message)
                self._outbox.done(message)
            if self._outbox.empty:
                await heard
