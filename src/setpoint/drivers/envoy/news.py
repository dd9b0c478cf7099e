"""What the daemon wants to hear of: a route that Envoy has taken or refused, a route that went."""

import asyncio
from collections.abc import Iterable

from setpoint.drivers.envoy.ads import Ads
from setpoint.drivers.envoy.snapshot import Name
from setpoint.drivers.envoy.table import Entry, Table
from setpoint.formats.envoy.resource import Kind
from setpoint.model.ids import AppId
from setpoint.model.route import RouteFacts


class Subscription:
    """Apps one listener has not been told of yet; each at most once, however slow it reads."""

    def __init__(self) -> None:
        self._apps: dict[AppId, None] = {}
        self._something = asyncio.Event()

    def put(self, app: AppId) -> None:
        self._apps[app] = None
        self._something.set()

    async def next(self) -> list[AppId]:
        await self._something.wait()
        self._something.clear()
        apps, self._apps = list(self._apps), {}
        return apps


class News:
    def __init__(self, table: Table, ads: Ads) -> None:
        self._table = table
        self._ads = ads
        self._told: dict[AppId, RouteFacts] = {}
        self._subscriptions: set[Subscription] = set()

    def subscribe(self) -> Subscription:
        subscription = Subscription()
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        self._subscriptions.discard(subscription)

    def facts(self, apps: Iterable[AppId]) -> tuple[RouteFacts, ...]:
        """Of those of them that have a route."""
        entries = self._table.entries
        return tuple(self._facts(entries[app]) for app in apps if app in entries)

    @property
    def apps(self) -> tuple[AppId, ...]:
        """All that have a route."""
        return tuple(self._table.entries)

    def route(self, app: AppId) -> None:
        """It was set or dropped; set again without a difference it may be confirmed already."""
        if app not in self._table.entries:
            self._told.pop(app, None)
            self._tell(app)
        else:
            self._look(app)

    def settled(self, names: Iterable[Name]) -> None:
        """An Envoy has confirmed or refused these."""
        for app in {app for name in names for app in self._apps(name)}:
            self._look(app)

    def _look(self, app: AppId) -> None:
        """Tell what is decided. That a set waking up makes a route unconfirmed for some
        milliseconds is nobody's business."""
        entry = self._table.entries[app]
        facts = self._facts(entry)
        if facts.acked:
            self._table.has_left(app)
        if (facts.acked or facts.nack) and facts != self._told.get(app):
            self._told[app] = facts
            self._tell(app)

    def _facts(self, entry: Entry) -> RouteFacts:
        names = sorted(entry.names | entry.behind | entry.secrets)
        nacks = (self._ads.refusal(kind, name) for kind, name in names)
        return RouteFacts(
            route=entry.message.route,
            acked=all(self._ads.confirmed(kind, name) for kind, name in entry.names),
            nack=next(filter(None, nacks), ""),
            invoke_key=entry.message.invoke_key_ref,
        )

    def _apps(self, name: Name) -> Iterable[AppId]:
        kind, text = name
        if kind is Kind.HOST:
            if (owner := self._table.owners.get(text)) is not None:
                yield owner
            yield from tuple(self._table.left.get(text, ()))
        elif kind is Kind.SECRET:
            if (owner := self._table.owners.get(text)) is not None:
                yield owner
        elif self._ads.refusal(kind, text) and (key := self._table.keys.get(text)):
            yield from self._table.users(key)

    def _tell(self, app: AppId) -> None:
        for subscription in self._subscriptions:
            subscription.put(app)
