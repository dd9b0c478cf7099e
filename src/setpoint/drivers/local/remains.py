"""What the supervisor before has left on this machine: sandboxes that run, and records of them."""

import os
from collections.abc import Iterator

from setpoint.drivers.local import records, sandbox
from setpoint.drivers.local.ground import Ground
from setpoint.drivers.local.names import InstanceName
from setpoint.drivers.local.records import Files, Record
from setpoint.drivers.local.sandbox import Identity
from setpoint.drivers.local.seams import Found
from setpoint.model.errors import Terminal
from setpoint.model.ids import AppId
from setpoint.model.process import SetOrder


class Remains:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def living(self) -> Found:
        ours = sandbox.find_ours(self._ground.confinement)
        return {(app, name): identity for name, app, identity in ours}

    def recorded(self) -> Iterator[tuple[AppId, InstanceName, Record]]:
        for app, name, record in records.load(self._ground.paths.instances):
            yield AppId(app), name, record

    def ordered(self, order: SetOrder) -> None:
        self._ground.ways_out.ordered(order.key.app, order.fence, order.egress)

    def admit(self, app: AppId, name: InstanceName) -> None:
        """A relay's socket lies in the runtime directory: wiped, it leads nowhere for good."""
        self._ground.ways_out.prepare(app)
        if not name.port:
            return
        way = sandbox.endpoint(self._ground.confinement, self._ground.paths.runtime, app, name.port)
        if way.kind == "relay" and not os.path.exists(way.address):
            raise Terminal(f"cannot reach {name.dyno} any more: its relay's socket is gone")

    def end(self, identity: Identity) -> None:
        sandbox.kill(self._ground.confinement, identity)

    def clear(self, app: AppId, name: InstanceName) -> None:
        files = self._files(app, name)
        sandbox.forget(self._ground.confinement, None, app, str(name), files.status)
        files.drop()

    def drop(self, app: AppId, name: InstanceName) -> None:
        self._files(app, name).drop()

    def sweep(self, living: list[str]) -> None:
        records.sweep(self._ground.paths.instances, living)

    def _files(self, app: AppId, name: InstanceName) -> Files:
        return Files(self._ground.paths.instances, app, name)
