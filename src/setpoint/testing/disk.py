"""The simulated disk: layers by content, which builds lay down, outsiders alter and a collector may
take away."""

import asyncio
from collections import defaultdict
from collections.abc import Callable

from setpoint.model.ids import BuildId, Digest
from setpoint.model.layer import Altered
from setpoint.model.release import Build
from setpoint.model.retention import BUSY, Clearance, Cleared, Kind, Removal, Stock, Thing

LAYER_BYTES = 1_000_000


class SimDisk:
    """`things`: layers and results of builds, by kind and name, as last used. `altered`: layers
    that an outsider laid hands on; `laid`: how often each was laid again for that. `on_laid`: is
    told when one was."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.things: dict[tuple[Kind, str], Thing] = {}
        self.altered: dict[Digest, Altered] = {}
        self.laid: dict[Digest, int] = defaultdict(int)
        self.on_laid: Callable[[Digest], None] = lambda _: None

    def keep(self, build: Build) -> None:
        """A build ended: its result, and its layer, made or used again."""
        now_s, slug = self._loop.time(), build.slug
        layers = (slug.code, *slug.layers) if slug is not None else ()
        result = Thing("build", build.id, 1000, now_s, build.app, build.source, layers)
        for thing in (result, *(Thing("code", d, LAYER_BYTES, now_s) for d in layers)):
            self.things[thing.kind, thing.name] = thing
        for layer in layers:
            if self.altered.pop(layer, None) is not None:
                self.laid[layer] += 1
                self.on_laid(layer)

    def alter(self, layer: Digest) -> None:
        found = Altered(layer, self._loop.time(), ("app.py was changed",), 1)
        self.altered.setdefault(layer, found)

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
        self.altered.pop(Digest(thing.name), None)
        return True
