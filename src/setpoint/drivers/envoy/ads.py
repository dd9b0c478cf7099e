"""The delta ADS service: one `Delta` per connected Envoy. During a hot restart there are two."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable

from setpoint.drivers.envoy.bell import Bell
from setpoint.drivers.envoy.delta import Answer, Ask, Delta
from setpoint.drivers.envoy.snapshot import Name, Snapshot
from setpoint.formats.envoy.resource import Kind

_log = logging.getLogger(__name__)


class Ads:
    """`on_settled`: told which names an Envoy has just confirmed or refused. `on_secrets`: which
    hosts it wants certificates of; what is in the snapshot after that is what it gets."""

    def __init__(
        self,
        snapshot: Snapshot,
        on_settled: Callable[[set[Name]], None],
        on_secrets: Callable[[Iterable[str]], object],
    ) -> None:
        self._snapshot = snapshot
        self._on_settled = on_settled
        self._on_secrets = on_secrets
        self._streams: dict[Delta, Bell] = {}

    @property
    def envoys(self) -> int:
        return len(self._streams)

    def changed(self, names: Iterable[Name]) -> None:
        """The snapshot differs under these names: every Envoy hears of it."""
        names = tuple(names)
        for delta, bell in self._streams.items():
            delta.changed(names)
            bell.ring()

    def confirmed(self, kind: Kind, name: str) -> bool:
        """Every connected Envoy, and at least one, has exactly this."""
        return bool(self._streams) and all(d.confirmed(kind, name) for d in self._streams)

    def refusal(self, kind: Kind, name: str) -> str:
        return next((words for d in self._streams if (words := d.refusal(kind, name))), "")

    async def stream(self, asks: AsyncIterator[Ask | None]) -> AsyncGenerator[Answer]:
        """One Envoy's stream, for as long as it is connected."""
        delta, bell = Delta(self._snapshot), Bell()
        self._streams[delta] = bell
        reader = asyncio.create_task(self._read(asks, delta, bell))
        try:
            while not reader.done():
                heard = bell.hear()
                for answer in delta.answers():
                    yield answer
                await heard
        finally:
            del self._streams[delta]
            reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reader

    async def _read(self, asks: AsyncIterator[Ask | None], delta: Delta, bell: Bell) -> None:
        try:
            async for ask in asks:
                if ask is None:
                    continue
                if ask.error:
                    _log.warning("envoy refused %s resources: %s", ask.kind.value, ask.error)
                if ask.kind is Kind.SECRET:
                    self._on_secrets(ask.subscribe)
                settled = delta.ask(ask)
                bell.ring()
                if settled:
                    self._on_settled(settled)
        finally:
            bell.ring()
