"""Certificates of hosts. Below localhost: made when Envoy first asks, gone with the host, replaced
in time. Of an app's own domains: those that it was given, for as long as its route names them."""

import logging
from collections.abc import Callable, Iterable, Sequence

from setpoint.drivers.authority import LEAF_DAYS, Authority, covers
from setpoint.drivers.envoy.snapshot import Name
from setpoint.drivers.envoy.table import Table
from setpoint.formats import certificates
from setpoint.formats.control import SetRoute
from setpoint.formats.envoy.resource import Kind, Resource
from setpoint.formats.envoy.tls import secret
from setpoint.model.ids import AppId

_log = logging.getLogger(__name__)

DAY_S = 86_400.0
RENEW_AFTER_S = LEAF_DAYS * DAY_S * 2 / 3


class Certificates:
    """Only for hosts that an app has: whoever greets with another name is turned away."""

    def __init__(self, authority: Authority, table: Table, now_s: Callable[[], float]) -> None:
        self._authority = authority
        self._table = table
        self._now_s = now_s
        self._made_s: dict[str, float] = {}
        self._brought: dict[AppId, frozenset[str]] = {}

    def begin(self) -> None:
        """Without an authority the edge still serves, but for TLS."""
        try:
            self._authority.ensure()
        except OSError as error:
            _log.error("cannot make the edge's certificate authority: %s", error)

    def make(self, hosts: Iterable[str]) -> set[Name]:
        """For those that have none yet; returns what is new."""
        wanted = [h for h in hosts if h in self._table.owners and covers(h)]
        return self._put(host for host in wanted if host not in self._made_s)

    def given(self, message: SetRoute) -> set[Name]:
        """Takes up what a route brings for its hosts; returns what changed. Envoy is sent it if it
        has asked for that host, and uses it from the next handshake on: no connection ends."""
        route = message.route
        found = [
            secret(host, *map(str.encode, certificates.split(pem)))
            for served in route.certificates
            if (pem := message.certificates.get(served.pem.key))
            for host in served.hosts
            if self._table.owners.get(host) == route.app and not covers(host)
        ]
        return self._replace(route.app, found)

    def taken(self, app: AppId) -> set[Name]:
        """Its route is gone."""
        return self._replace(app, ())

    def _replace(self, app: AppId, found: Sequence[Resource]) -> set[Name]:
        """What another app has by now stays."""
        mine = {h for h in self._brought.pop(app, ()) if self._table.owners.get(h, app) == app}
        if found:
            self._brought[app] = frozenset(resource.name for resource in found)
        return self._table.snapshot.replace([(Kind.SECRET, host) for host in mine], found)

    def renew(self) -> set[Name]:
        """Those that were made long ago, or by a clock that was ahead: they are not good yet."""
        now_s = self._now_s()
        young = {
            h for h, made_s in self._made_s.items() if now_s - RENEW_AFTER_S <= made_s <= now_s
        }
        return self._put([host for host in self._made_s if host not in young])

    def drop(self, changed: Iterable[Name]) -> set[Name]:
        """Of hosts among these that no app has any more; returns what is gone."""
        hosts = {name for kind, name in changed if kind is Kind.HOST}
        gone = {h for h in hosts if h not in self._table.owners and self._made_s.pop(h, None)}
        return self._table.snapshot.replace([(Kind.SECRET, host) for host in gone], ())

    def _put(self, hosts: Iterable[str]) -> set[Name]:
        changed = set[Name]()
        for host in hosts:
            try:
                made = secret(host, *self._authority.leaf(host))
            except (OSError, ValueError) as error:
                _log.error("cannot make a certificate for %s: %s", host, error)
                continue
            self._made_s[host] = self._now_s()
            changed |= self._table.snapshot.replace((), [made])
        return changed
