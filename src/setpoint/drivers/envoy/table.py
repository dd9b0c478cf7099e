"""Routes and facts on one side, the snapshot for Envoy on the other; only what changed is redone.

A route that cannot be given to Envoy is refused here, so that its neighbours never notice.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from msgspec.structs import replace

from setpoint.drivers.envoy.snapshot import Name, Snapshot
from setpoint.formats.control import DropRoute, SetRoute
from setpoint.formats.envoy.clusters import cluster_name, project_set
from setpoint.formats.envoy.hosts import project_route
from setpoint.formats.envoy.limits import Limits
from setpoint.formats.envoy.project import fault, hosts_of
from setpoint.formats.envoy.resource import Kind, Resource
from setpoint.model.errors import Stale, Terminal, Transient
from setpoint.model.ids import AppId, Fence, SetKey
from setpoint.model.process import SetFacts


class Place(StrEnum):
    """What Envoy has of a function: all, or hosts that ask before they use its cluster, or those
    alone."""

    HOT = "hot"
    LEAVING = "leaving"
    COLD = "cold"


@dataclass
class Entry:
    """One app's route. `leaving`: hosts it had before and Envoy may still serve."""

    message: SetRoute
    leaving: set[str] = field(default_factory=set[str])

    @property
    def hosts(self) -> set[str]:
        return {*hosts_of(self.message.route), *self.leaving}

    @property
    def names(self) -> set[Name]:
        return _names(self.hosts)

    @property
    def secrets(self) -> set[Name]:
        """Certificates it brings. Envoy asks for them when they are wanted, if ever."""
        served = self.message.route.certificates
        return {(Kind.SECRET, host) for one in served for host in one.hosts}

    @property
    def behind(self) -> set[Name]:
        """What its hosts point at: these change with the facts, not with the route."""
        clusters = {cluster_name(key) for key in _targets(self)}
        return {(kind, c) for kind in (Kind.CLUSTER, Kind.ENDPOINTS) for c in clusters}


class Table:
    def __init__(self, snapshot: Snapshot, limits: Limits) -> None:
        self.snapshot = snapshot
        self._limits = limits
        self.entries: dict[AppId, Entry] = {}
        self.fences: dict[AppId, Fence] = {}
        self.facts: dict[SetKey, SetFacts] = {}
        self.keys: dict[str, SetKey] = {}
        """cluster name -> the set it stands for"""
        self.owners: dict[str, AppId] = {}
        """host -> the app whose it is"""
        self.processes: dict[str, str] = {}
        """host -> which of its processes answers there"""
        self.left: dict[str, set[AppId]] = {}
        """host -> apps that had it until lately, and are done with it once Envoy confirms"""
        self.shown: dict[SetKey, SetFacts] = {}
        """as hosts see them: of a function that asks first, without its socket"""
        self.places: dict[SetKey, Place] = {}
        """of functions outside the hot set"""
        self._users: dict[SetKey, set[AppId]] = {}

    # --- routes -------------------------------------------------------------------------------

    def set_route(self, message: SetRoute) -> set[Name]:
        """Returns what changed for Envoy. Raises Stale, Terminal or Transient."""
        route = message.route
        self._check_fence(route.app, route.fence, "route")
        self._check_hosts(message)
        hosts = set(hosts_of(route))
        before = self.entries.get(route.app)
        had = set[str]() if before is None else set(hosts_of(before.message.route))
        leaving = set[str]() if before is None else before.hosts - hosts
        self._release(route.app)
        self.fences[route.app] = route.fence
        entry = self.entries[route.app] = Entry(message, leaving)
        for host in leaving:
            self.left.setdefault(host, set()).add(route.app)
        self.owners.update(dict.fromkeys(hosts, route.app))
        self.processes.update({host: b.process for b in route.backends for host in b.hosts})
        for key in _targets(entry):
            self._users.setdefault(key, set()).add(route.app)
            self.keys[cluster_name(key)] = key
        return self._project(entry, had)

    def letting_go(self, message: SetRoute) -> SetRoute | None:
        """Its present route without the hosts that this one has no more; None if it has them all.

        Two apps that trade hosts would wait for each other for ever, if neither let go first.
        """
        entry, wanted = self.entries.get(message.route.app), set(hosts_of(message.route))
        if entry is None or set(hosts_of(entry.message.route)) <= wanted:
            return None
        route = entry.message.route
        kept = (replace(b, hosts=tuple(h for h in b.hosts if h in wanted)) for b in route.backends)
        left = tuple(backend for backend in kept if backend.hosts)
        return replace(entry.message, route=replace(route, backends=left))

    def drop_route(self, message: DropRoute) -> set[Name]:
        self._check_fence(message.app, message.fence, "drop the route of")
        self.fences[message.app] = message.fence
        entry = self.entries.get(message.app)
        if entry is None:
            return set()
        self.has_left(message.app)
        self._release(message.app)
        del self.entries[message.app]
        return self.snapshot.replace(_names(hosts_of(entry.message.route)), ())

    def _check_fence(self, app: AppId, fence: Fence, verb: str) -> None:
        highest = self.fences.get(app)
        if highest is not None and fence < highest:
            raise Stale(f"cannot {verb} {app}: generation {fence} is older than {highest}")

    def _check_hosts(self, message: SetRoute) -> None:
        if wrong := fault(message):
            raise Terminal(wrong)
        app, name = message.route.app, message.route.app_name
        for host in hosts_of(message.route):
            if (owner := self.owners.get(host, app)) != app:
                other = self.entries[owner].message.route.app_name
                raise Transient(f"cannot route {name}: {host} still belongs to {other} ({owner})")

    def _release(self, app: AppId) -> None:
        """Forget what is known by this app's present route."""
        entry = self.entries.get(app)
        if entry is None:
            return
        for host in hosts_of(entry.message.route):
            self.owners.pop(host, None)
            self.processes.pop(host, None)
        for key in _targets(entry):
            users = self._users.get(key, set())
            users.discard(app)
            if not users:
                self._users.pop(key, None)
                self._forget_name(key)

    def _project(self, entry: Entry, had: Iterable[str] = ()) -> set[Name]:
        """`had`: its hosts until now. Not those that left earlier: another app may own them."""
        message = entry.message
        after = project_route(message.route, message.invoke_key, self.shown, self._limits)
        return self.snapshot.replace(_names(had), after)

    def _project_users(self, entry: Entry, key: SetKey) -> set[Name]:
        """Only those of its hosts that send to this set: a project may have hundreds of others."""
        message = entry.message
        backends = tuple(b for b in message.route.backends if b.target == key)
        route = replace(message.route, backends=backends)
        after = project_route(route, message.invoke_key, self.shown, self._limits)
        return self.snapshot.replace((), after)

    def has_left(self, app: AppId) -> None:
        """Envoy has confirmed everything about this app's route: what it left is gone for good."""
        entry = self.entries[app]
        for host in entry.leaving:
            apps = self.left.get(host, set())
            apps.discard(app)
            if not apps:
                self.left.pop(host, None)
        entry.leaving.clear()

    def process(self, app: AppId, host: str) -> str:
        """Which of the app's is asked at this host; '' for one that it had until lately."""
        return self.processes.get(host, "") if self.owners.get(host) == app else ""

    # --- facts --------------------------------------------------------------------------------

    def set_facts(self, key: SetKey, facts: SetFacts | None) -> set[Name]:
        """What the supervisor sees of one set now; None: the set is gone."""
        if facts is None:
            for known in (self.facts, self.shown, self.places):
                known.pop(key, None)
            self._forget_name(key)
            return self._show(key, ())
        self.facts[key] = facts
        self.keys[cluster_name(key)] = key
        place = self.place(key)
        asks_first = facts if place is Place.HOT else replace(facts, socket=None)
        self.shown[key] = asks_first
        known = asks_first if place is Place.COLD else facts
        return self._show(key, project_set(known, self._limits))

    def place(self, key: SetKey) -> Place:
        return self.places.get(key, Place.HOT)

    def put(self, key: SetKey, place: Place) -> set[Name]:
        """A function changes its place; returns what changed for Envoy."""
        if place is Place.HOT:
            self.places.pop(key, None)
        else:
            self.places[key] = place
        return self.set_facts(key, self.facts[key])

    def _show(self, key: SetKey, resources: Iterable[Resource]) -> set[Name]:
        name = cluster_name(key)
        changed = self.snapshot.replace(((Kind.CLUSTER, name), (Kind.ENDPOINTS, name)), resources)
        for app in self._users.get(key, ()):
            changed |= self._project_users(self.entries[app], key)
        return changed

    def users(self, key: SetKey) -> tuple[AppId, ...]:
        """Whose routes send requests to this set."""
        return tuple(self._users.get(key, ()))

    def absent(self, present: Iterable[SetKey]) -> list[SetKey]:
        """Sets we know and a full account does not mention."""
        return list(set(self.facts) - set(present))

    def _forget_name(self, key: SetKey) -> None:
        if key not in self.facts and key not in self._users:
            self.keys.pop(cluster_name(key), None)


def _names(hosts: Iterable[str]) -> set[Name]:
    return {(Kind.HOST, host) for host in hosts}


def _targets(entry: Entry) -> set[SetKey]:
    return {b.target for b in entry.message.route.backends if b.target is not None}
