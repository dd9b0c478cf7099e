"""One Envoy's half of delta xDS, as a state machine without I/O: asks in, answers out.

The rules, beyond the protocol's own:
 1. A host is sent only once this Envoy has confirmed the cluster and endpoints it needs, and a
    cluster goes (or loses its last endpoint) only once no host here points at it any more. An
    Envoy that comes back has to tell its hosts first.
 2. The first answer for hosts waits until it is complete: Envoy opens its port after it, and would
    say 404 for what is still missing.
 3. A refused response says nothing about which of its resources was bad, and the good ones are
    lost with it. So each is sent again alone; what is then refused stays so in this version.
 4. A secret that is not there is answered as gone and then forgotten: Envoy asks again when it is
    wanted again, and strangers may ask for any name.
 5. A cluster whose settings changed warms anew and waits for its endpoints, without asking.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from setpoint.drivers.envoy.snapshot import Item, Name, Snapshot, pointed_at
from setpoint.formats.envoy.resource import Kind

WILDCARD = "*"
_WILD = (Kind.CLUSTER, Kind.HOST)
"""Of these Envoy wants all there are, and says so by naming none."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of Envoy's. `held`: versions it has from before this stream began.

    `nonce` names the answer this confirms, or refuses with `error`.
    """

    kind: Kind
    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    held: Mapping[str, str] = field(default_factory=dict[str, str])
    nonce: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    kind: Kind
    nonce: str
    items: tuple[Item, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass
class _Watch:
    """What this Envoy wants and has of one kind. Versions are None for what is gone."""

    wild: bool = False
    asked: bool = False
    answered: bool = False
    names: set[str] = field(default_factory=set[str])
    pending: set[str] = field(default_factory=set[str])
    alone: set[str] = field(default_factory=set[str])
    sent: dict[str, str | None] = field(default_factory=dict[str, "str | None"])
    confirmed: dict[str, str | None] = field(default_factory=dict[str, "str | None"])
    refused: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])


class _Pointers:
    """Which hosts may point at a cluster: as Envoy confirmed, and as was sent since."""

    def __init__(self) -> None:
        self._clusters: dict[str, set[str]] = {}
        self._hosts: dict[str, set[str]] = {}

    def at(self, cluster: str) -> bool:
        return bool(self._hosts.get(cluster))

    def add(self, host: str, cluster: str) -> None:
        if cluster:
            self._clusters.setdefault(host, set()).add(cluster)
            self._hosts.setdefault(cluster, set()).add(host)

    def replace(self, host: str, clusters: Iterable[str]) -> None:
        for cluster in self._clusters.pop(host, ()):
            self._hosts[cluster].discard(host)
            if not self._hosts[cluster]:
                del self._hosts[cluster]
        for cluster in clusters:
            self.add(host, cluster)


class Delta:
    """`ask` and `changed` only take note; `answers` says what to send now."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._watches = {kind: _Watch() for kind in Kind}
        self._flying: dict[str, dict[str, Item | None]] = {}
        self._sent = 0
        self._pointers = _Pointers()

    # --- what happened ------------------------------------------------------------------------

    def changed(self, names: Iterable[Name]) -> None:
        for kind, name in names:
            watch = self._watches[kind]
            if watch.wild or name in watch.names:
                watch.pending.add(name)

    def ask(self, ask: Ask) -> set[Name]:
        """Takes note; returns the names whose standing (confirmed, refused) changed."""
        watch = self._watches[ask.kind]
        settled = self._settle(ask) if ask.nonce else set[str]()
        if not watch.asked:
            self._begin(watch, ask)
        new = set(ask.subscribe) - {WILDCARD}
        watch.names = (watch.names | new) - set(ask.unsubscribe)
        for name in new - set(ask.held):
            watch.sent.pop(name, None)
        for name in ask.unsubscribe:
            watch.pending.discard(name)
            watch.sent.pop(name, None)
            watch.confirmed.pop(name, None)
        watch.pending |= new
        return {(ask.kind, name) for name in settled}

    def _begin(self, watch: _Watch, ask: Ask) -> None:
        watch.asked = True
        watch.sent.update(ask.held)
        watch.confirmed.update(ask.held)
        nothing_named = not ask.subscribe and ask.kind in _WILD
        watch.wild = nothing_named or WILDCARD in ask.subscribe
        watch.pending |= set(ask.held)
        if watch.wild:
            watch.pending |= set(self._snapshot.items[ask.kind])
        if ask.kind is Kind.HOST:
            for name, version in ask.held.items():
                self._pointers.replace(name, {pointed_at(version)})

    def _settle(self, ask: Ask) -> set[str]:
        flown = self._flying.pop(ask.nonce, {})
        if ask.error:
            self._refuse(self._watches[ask.kind], ask, flown)
        else:
            for name, item in flown.items():
                self._confirm(ask.kind, name, item)
        return set(flown)

    def _refuse(self, watch: _Watch, ask: Ask, flown: Mapping[str, Item | None]) -> None:
        for name, item in flown.items():
            watch.sent.pop(name, None)
            if len(flown) > 1:
                watch.alone.add(name)
                watch.pending.add(name)
            elif item is not None:
                watch.refused[name] = (item.version, ask.error)

    def _confirm(self, kind: Kind, name: str, item: Item | None) -> None:
        watch = self._watches[kind]
        again = name in watch.confirmed
        watch.confirmed[name] = None if item is None else item.version
        watch.refused.pop(name, None)
        if kind is Kind.HOST:
            later = (flown[name] for flown in self._flying.values() if name in flown)
            self._pointers.replace(name, {i.needs for i in (item, *later) if i is not None})
        if kind is Kind.CLUSTER and item is not None and again:
            endpoints = self._watches[Kind.ENDPOINTS]
            if name in endpoints.names:
                endpoints.sent.pop(name, None)
                endpoints.pending.add(name)
        if item is None:
            self._forget(kind, name)

    def _forget(self, kind: Kind, name: str) -> None:
        """Names come and go for as long as Envoy stays connected: keep none that is gone."""
        watch = self._watches[kind]
        watch.confirmed.pop(name, None)
        if watch.sent.get(name, "") is None:
            watch.sent.pop(name, None)

    # --- how things stand ---------------------------------------------------------------------

    def confirmed(self, kind: Kind, name: str) -> bool:
        """Does this Envoy have exactly what it should have under this name?"""
        return self._watches[kind].confirmed.get(name) == self._snapshot.version(kind, name)

    def refusal(self, kind: Kind, name: str) -> str:
        """Envoy's own words on the current version, or ''."""
        version, words = self._watches[kind].refused.get(name, ("", ""))
        return words if version and version == self._snapshot.version(kind, name) else ""

    # --- what to send -------------------------------------------------------------------------

    def answers(self) -> list[Answer]:
        return [answer for kind in Kind for answer in self._answers(kind)]

    def _answers(self, kind: Kind) -> Iterator[Answer]:
        watch = self._watches[kind]
        if not watch.asked:
            return
        due = {name for name in watch.pending if self._may_go(kind, name)}
        if kind is Kind.HOST and not watch.answered and due != watch.pending:
            return
        watch.pending -= due
        new = sorted(name for name in due if self._differs(kind, name))
        alone = [name for name in new if name in watch.alone]
        watch.alone -= set(alone)
        together = [name for name in new if name not in alone]
        if together or (watch.wild and not watch.answered):
            yield self._send(kind, together)
        for name in alone:
            yield self._send(kind, [name])

    def _differs(self, kind: Kind, name: str) -> bool:
        watch = self._watches[kind]
        version = self._snapshot.version(kind, name)
        if version is None:
            return True
        return watch.sent.get(name) != version and not self.refusal(kind, name)

    def _may_go(self, kind: Kind, name: str) -> bool:
        item = self._snapshot.get(kind, name)
        if kind is Kind.HOST:
            return item is None or not item.needs or self._in_place(item.needs)
        if kind in (Kind.CLUSTER, Kind.ENDPOINTS) and (item is None or item.empty):
            untold = name in self._watches[kind].confirmed and not self._watches[Kind.HOST].asked
            return not untold and not self._pointers.at(name)
        return True

    def _in_place(self, cluster: str) -> bool:
        """Its endpoints are: Envoy takes none for a cluster it does not have. (It confirms clusters
        only while none at all is warming, which under a stream of new apps is late.) What it
        refused will not come; a host without it says so to its callers at least."""
        if self._snapshot.get(Kind.CLUSTER, cluster) is None:
            return True
        refused = any(self.refusal(k, cluster) for k in (Kind.CLUSTER, Kind.ENDPOINTS))
        return refused or self.confirmed(Kind.ENDPOINTS, cluster)

    def _send(self, kind: Kind, names: Iterable[str]) -> Answer:
        watch = self._watches[kind]
        watch.answered = True
        items = {name: self._snapshot.get(kind, name) for name in names}
        for name, item in items.items():
            watch.sent[name] = None if item is None else item.version
            if kind is Kind.SECRET and item is None:
                watch.names.discard(name)
            if kind is Kind.HOST and item is not None:
                self._pointers.add(name, item.needs)
        self._sent += 1
        nonce = str(self._sent)
        self._flying[nonce] = items
        present = tuple(item for item in items.values() if item is not None)
        return Answer(kind, nonce, present, tuple(n for n, item in items.items() if item is None))
