"""What Envoy should have at this moment, by kind and name; each item versioned by its content.

A counter would collide after a restart of the agent with what Envoy reports to hold already. A
version also tells what its host points at: all an agent knows of what an earlier one sent.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from setpoint.formats.envoy.resource import Kind, Resource

Name = tuple[Kind, str]


@dataclass(frozen=True, slots=True)
class Item:
    """One resource, ready to be sent. `needs` and `empty`: see `formats.envoy.resource`."""

    name: str
    version: str
    packed: bytes
    needs: str = ""
    empty: bool = False


def pointed_at(version: str | None) -> str:
    """The cluster that a host of this version points at, '' for none."""
    return (version or "").partition("@")[2]


class Snapshot:
    """`pack` turns a resource into the bytes that are sent."""

    def __init__(self, pack: Callable[[Resource], bytes]) -> None:
        self._pack = pack
        self.items: dict[Kind, dict[str, Item]] = {kind: {} for kind in Kind}

    def get(self, kind: Kind, name: str) -> Item | None:
        return self.items[kind].get(name)

    def version(self, kind: Kind, name: str) -> str | None:
        item = self.items[kind].get(name)
        return None if item is None else item.version

    def replace(self, before: Iterable[Name], after: Iterable[Resource]) -> set[Name]:
        """`before` are the names one owner had, `after` is all it has now. Returns what differs."""
        resources = {(r.kind, r.name): r for r in after}
        changed = {name for name, r in resources.items() if self._put(r)}
        for kind, name in set(before) - set(resources):
            if self.items[kind].pop(name, None) is not None:
                changed.add((kind, name))
        return changed

    def _put(self, resource: Resource) -> bool:
        packed = self._pack(resource)
        digest = hashlib.blake2b(packed, digest_size=8).hexdigest()
        version = f"{digest}@{resource.needs}" if resource.needs else digest
        if self.version(resource.kind, resource.name) == version:
            return False
        item = Item(resource.name, version, packed, resource.needs, resource.empty)
        self.items[resource.kind][resource.name] = item
        return True
