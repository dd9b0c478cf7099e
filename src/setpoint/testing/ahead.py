"""Nothing is started ahead of time on the simulated machine: each start is one of its own."""

from collections.abc import Iterable

from setpoint.drivers.local.names import HostName
from setpoint.drivers.local.sandbox import Identity
from setpoint.model.ids import AppId
from setpoint.model.process import SetOrder


class NothingAhead:
    """A `drivers.local.seams.Resumed`."""

    def adopt(self, app: AppId, name: HostName, identity: Identity) -> None:
        raise AssertionError(f"nobody has started {name}")

    def resume(self, orders: Iterable[SetOrder]) -> None:
        """There was nothing."""

    def keep(self, kinds: Iterable[object]) -> None:
        """There is nothing to let go of."""

    def check_unused(self, app: AppId) -> None:
        """There is nothing in the way."""

    async def stop(self) -> None:
        """There is nothing to stop."""
