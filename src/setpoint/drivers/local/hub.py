"""Who wants to hear of changed facts. A slow listener misses steps in between, never the last."""

import asyncio

from setpoint.formats.control import FactsChanged
from setpoint.model.ids import AppId, Digest, SetKey
from setpoint.model.process import SetFacts


def app_changed(app: AppId) -> FactsChanged:
    """Something of it that is no set: a build, a job."""
    return FactsChanged(app, SetKey(app, "", Digest("")))


class Subscription:
    """What one listener has not been told yet: at most one entry per set."""

    def __init__(self) -> None:
        self._untold: dict[SetKey | None, FactsChanged] = {}
        self._something = asyncio.Event()

    def put(self, event: FactsChanged) -> None:
        self._untold.pop(event.key, None)
        self._untold[event.key] = event
        self._something.set()

    async def next(self) -> list[FactsChanged]:
        await self._something.wait()
        self._something.clear()
        events, self._untold = list(self._untold.values()), {}
        return events


class Hub:
    def __init__(self) -> None:
        self._subscriptions: dict[Subscription, None] = {}

    def subscribe(self) -> Subscription:
        subscription = Subscription()
        self._subscriptions[subscription] = None
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        self._subscriptions.pop(subscription, None)

    def tell_set(self, key: SetKey, facts: SetFacts | None) -> None:
        self._tell(FactsChanged(key.app, key, facts))

    def tell_app(self, app: AppId) -> None:
        self._tell(app_changed(app))

    def _tell(self, event: FactsChanged) -> None:
        for subscription in self._subscriptions:
            subscription.put(event)
