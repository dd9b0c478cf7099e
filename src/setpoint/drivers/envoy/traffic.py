"""Requests per set, from Envoy's load reports: what the supervisor needs to stop an idle set."""

from collections.abc import Callable, Iterable

from setpoint.drivers.envoy.heard import Load


class Traffic:
    """`tell(cluster, in_flight)`: for clusters that were in use since the last report.

    A report names only busy clusters; one that is missing from the next has come to rest.
    """

    def __init__(self, tell: Callable[[str, int], None]) -> None:
        self._tell = tell
        self._in_flight: dict[object, dict[str, int]] = {}

    def heard(self, stream: object, report: Iterable[Load] | None) -> None:
        """`report` None: that Envoy has left."""
        before = self._in_flight.pop(stream, {})
        loads = [load for load in report or () if load.issued or load.in_flight]
        if report is not None:
            self._in_flight[stream] = {ld.cluster: ld.in_flight for ld in loads if ld.in_flight}
        for cluster in {*before, *(load.cluster for load in loads)}:
            self._tell(cluster, self._total(cluster))

    def _total(self, cluster: str) -> int:
        return sum(flights.get(cluster, 0) for flights in self._in_flight.values())
