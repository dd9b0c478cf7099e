"""The simulated disk: layers by content, which builds lay down and a collector may take away."""

import asyncio

from setpoint.model.ids import BuildId, Digest
from setpoint.model.release import Build
from setpoint.model.retention import BUSY, Clearance, Cleared, Kind, Removal, Stock, Thing

LAYER_BYTES = 1_000_000


class SimDisk:
    """`things`: layers and results of builds, by kind and name, as last used."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.things: dict[tuple[Kind, str], Thing] = {}

    def keep(self, build: Build) -> None:
        """A build ended: its result, and its layer, made or used again."""
        now_s, slug = self._loop.time(), build.slug
        layers = (slug.code, *slug.layers) if slug is not None else ()
        result = Thing("build", build.id, 1000, now_s, build.app, build.source, layers)
        for thing in (result, *(Thing("code", d, LAYER_BYTES, now_s) for d in layers)):
            self.things[thing.kind, thing.name] = thing

    def has(self, code: Digest) -> bool:
        return ("code", code) in self.things

    def drop(self, id: BuildId) -> None:
        self.things.pop(("build", id), None)

    def stock(self) -> Stock:
        return Stock(tuple(self.things.values()), {}, {}, 50, 100)

    def clear(self, clearance: Clearance, *, busy: bool) -> Cleared:
        if busy:
            return Cleared(left=BUSY)
        return Cleared(tuple(r for r in clearance.removals if self._remove(r, clearance)))

    def _remove(self, removal: Removal, clearance: Clearance) -> bool:
        thing = self.things.get((removal.kind, removal.name))
        if thing is None or thing.at_s >= clearance.before_s:
            return thing is None
        del self.things[thing.kind, thing.name]
        return True
