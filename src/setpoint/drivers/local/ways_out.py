"""The way out of each app: as its newest order says, kept so whatever happens to the kernel's side.

An app of which no order is known keeps the one it has: a new one has none.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from setpoint.drivers.local import sandbox
from setpoint.drivers.local.sandbox import Confinement
from setpoint.model.egress import Egress
from setpoint.model.ids import AppId, Fence

log = logging.getLogger("setpoint.supervisor")
LOOK_S = 5.0
"""between two looks at the machine's routes and its nameserver, and whether the wall stands"""


@dataclass
class WaysOut:
    confinement: Confinement
    runtime: Path
    _wanted: dict[AppId, tuple[Fence, Egress]] = field(
        default_factory=dict[AppId, tuple[Fence, Egress]]
    )
    _open: dict[AppId, Egress | None] = field(default_factory=dict[AppId, Egress | None])
    """what every prepared app has; None: whatever it had before this supervisor came"""

    def __post_init__(self) -> None:
        self.mend: Callable[[AppId], object] = self.prepare

    def ordered(self, app: AppId, fence: Fence, egress: Egress) -> None:
        """By an order for a set or a job; an older one changes nothing. Raises Transient or
        Terminal: then the same order tries again."""
        before = self._wanted.get(app)
        if before is not None and fence < before[0]:
            return
        self._wanted[app] = (fence, egress)
        if app in self._open:
            self._set(app)

    def prepare(self, app: AppId) -> Path | None:
        """The app's namespace with its way out, before anything starts in it. Raises Transient or
        Terminal: what cannot be kept in is not started."""
        if app in self._open and self._stands(app):
            netns: Path | None = sandbox.pin_path(self.runtime, app)
        else:
            self._open[app] = None
            netns = sandbox.prepare_app(self.confinement, self.runtime, app)
        if app in self._wanted:
            self._set(app)
        return netns

    def unpinned(self, apps: Iterable[AppId]) -> list[AppId]:
        """Those of them that a new instance could not join."""
        return [AppId(a) for a in sandbox.unpinned(self.confinement, self.runtime, apps)]

    def drop(self, app: AppId) -> None:
        self._wanted.pop(app, None)
        self._open.pop(app, None)
        sandbox.drop_app(self.confinement, self.runtime, app)

    def drop_all(self) -> None:
        self._open.clear()
        sandbox.drop_all(self.confinement, self.runtime)

    async def keep(self) -> None:
        """Networks come and go, and others may clear the kernel's tables."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()

    def look(self) -> None:
        """What others changed is changed back, app by app."""
        if not self._open or self.confinement.ingress != "veth":
            return
        for look in (self._hold_in, self._mend_each, self._refresh):
            try:
                look()
            except OSError as error:
                log.warning("wall.trouble", extra={"why": str(error)})

    def _hold_in(self) -> None:
        if sandbox.hold_in():
            log.warning("wall.route_mended")

    def _mend_each(self) -> None:
        for app in sandbox.unwalled(self.confinement, self.runtime, self._open):
            self._mend(AppId(app))

    def _refresh(self) -> None:
        sandbox.refresh(self.confinement)

    def _mend(self, app: AppId) -> None:
        """What keeps one app from being mended keeps no other."""
        try:
            self.mend(app)
        except Exception:
            log.exception("wall.not_mended", extra={"app": app})

    def _stands(self, app: AppId) -> bool:
        try:
            return sandbox.walled(self.confinement, self.runtime, app)
        except OSError:
            return False  # preparing it will tell

    def _set(self, app: AppId) -> None:
        egress = self._wanted[app][1]
        if self._open[app] != egress:
            self._open[app] = None  # until it is so: half of it may be done when this raises
            sandbox.set_egress(self.confinement, self.runtime, app, egress)
            self._open[app] = egress
