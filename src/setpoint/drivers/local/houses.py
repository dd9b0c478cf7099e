"""Sandboxes that functions get ready in before any is an instance: known until they end."""

import asyncio
from typing import Generic, TypeVar

from setpoint.drivers.local.ground import Ground, reopened
from setpoint.drivers.local.names import HostName
from setpoint.drivers.local.records import Files
from setpoint.drivers.local.running import Running
from setpoint.drivers.local.sandbox import Identity
from setpoint.drivers.local.seams import Ending, Handle, Reports
from setpoint.model.errors import Transient
from setpoint.model.ids import AppId

END_LOOK_S = 0.01

T_House = TypeVar("T_House", bound=Running)


class Houses(Generic[T_House]):
    """`kind`: what each of them is."""

    def __init__(self, ground: Ground, kind: type[T_House]) -> None:
        self._ground = ground
        self._kind = kind
        self._living: set[T_House] = set()

    def __contains__(self, house: T_House) -> bool:
        return house in self._living

    def adopt(self, app: AppId, name: HostName, identity: Identity) -> T_House:
        """One that an earlier supervisor has begun."""
        files = Files(self._ground.paths.instances, app, name)
        house = self.new(app, name, files, reopened(files.output, identity))
        house.adopt(identity)
        return house

    def new(self, app: AppId, name: HostName, files: Files, output: int) -> T_House:
        """Its end is noticed; what it says is nobody's."""

        def ended(_running: Handle, _ending: Ending) -> None:
            self.forget(house)

        reports = Reports(
            started=lambda _: None,
            output=lambda _, lines: None,
            output_lost=lambda _, count: None,
            ready=lambda _: None,
            ended=ended,
        )
        house = self._kind(self._ground.confinement, app, name, files, output, reports)
        self._living.add(house)
        return house

    def forget(self, house: T_House) -> None:
        """It has ended, never began, or is somebody's instance by now."""
        self._living.discard(house)

    def check_unused(self, app: AppId, what: str) -> None:
        """Ends those of an app. Raises Transient while one is left."""
        left = [house for house in self._living if house.app == app]
        for house in left:
            house.kill()
        if left:
            raise Transient(f"cannot forget the app: what {what} is still stopping")

    async def end(self) -> None:
        while self._living:
            for house in list(self._living):
                house.kill()
            await asyncio.sleep(END_LOOK_S)
