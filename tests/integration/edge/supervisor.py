"""A supervisor that only talks: the test says what the facts are, and reads what it was told."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from setpoint.formats import control
from setpoint.formats.control import (
    Activity,
    AppendLog,
    Demand,
    Done,
    Drained,
    FactsChanged,
    Request,
    SnapshotEnd,
    Subscribe,
)
from setpoint.model.ids import SetKey
from setpoint.model.process import SetFacts


class FakeSupervisor:
    """`on_told` is called with every message but Subscribe."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.facts: dict[SetKey, SetFacts] = {}
        self.told: list[Request] = []
        self.on_told: Callable[[Request], None] = lambda _: None
        self._listeners: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self._path)
        self._path.chmod(0o666)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._listeners):
            writer.close()

    def put(self, facts: SetFacts) -> None:
        self.facts[facts.key] = facts
        self._tell(FactsChanged(facts.key.app, facts.key, facts))

    def remove(self, key: SetKey) -> None:
        self.facts.pop(key, None)
        self._tell(FactsChanged(key.app, key, None))

    def demands(self, key: SetKey) -> list[int]:
        return [m.waiting for m in self.told if isinstance(m, Demand) and m.key == key]

    def activities(self, key: SetKey) -> list[Activity]:
        return [m for m in self.told if isinstance(m, Activity) and m.key == key]

    def drained(self) -> set[str]:
        return {m.instance for m in self.told if isinstance(m, Drained)}

    def lines(self) -> list[str]:
        return [ln.text for m in self.told if isinstance(m, AppendLog) for ln in m.lines]

    def _tell(self, event: FactsChanged) -> None:
        for writer in self._listeners:
            writer.write(control.encode(event))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                request = control.decode_request(line)
                if isinstance(request, Subscribe):
                    self._subscribe(writer)
                    continue
                self.told.append(request)
                self.on_told(request)
                writer.write(control.encode(Done()))
        except (OSError, ValueError):
            pass
        finally:
            self._listeners.discard(writer)
            writer.close()

    def _subscribe(self, writer: asyncio.StreamWriter) -> None:
        for key, facts in self.facts.items():
            writer.write(control.encode(FactsChanged(key.app, key, facts)))
        writer.write(control.encode(SnapshotEnd()))
        self._listeners.add(writer)
