"""Layers on the disk that are no longer what was laid."""

import msgspec

from setpoint.model.ids import Digest


class Altered(msgspec.Struct, frozen=True):
    """One layer. `noticed_at_s`: unix seconds. `told`: the first few sentences, 'app.py was
    changed'; `count`: how many files it is."""

    layer: Digest
    noticed_at_s: float
    told: tuple[str, ...]
    count: int

    @property
    def text(self) -> str:
        more = self.count - len(self.told)
        return ", ".join(self.told) + (f" and {more} more" if more > 0 else "")
