"""Telling the supervisor that no new request can reach an instance any more.

That holds a moment after every Envoy confirmed endpoints without it: its workers take over what
its main thread confirmed, and a request may be on a kept connection already.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from setpoint.drivers.envoy.ads import Ads
from setpoint.formats.envoy.clusters import cluster_name
from setpoint.formats.envoy.resource import Kind
from setpoint.model.ids import InstanceId, SetKey
from setpoint.model.process import Phase, SetFacts

GRACE_S = 0.25
"""20 ms lost no request in 600 under load; this leaves an order of magnitude"""


class Timer(Protocol):
    def cancel(self) -> None: ...


class Drains:
    """`look` may be called at any time and any number of times; each instance is told once.

    `later(seconds, then)`: the event loop's clock.
    """

    def __init__(
        self,
        ads: Ads,
        tell: Callable[[InstanceId], None],
        later: Callable[[float, Callable[[], None]], Timer],
    ) -> None:
        self._ads = ads
        self._tell = tell
        self._later = later
        self._graces: dict[SetKey, dict[InstanceId, Timer]] = {}

    def look(self, facts: SetFacts) -> None:
        graces = self._graces.pop(facts.key, {})
        draining = {i.id for i in facts.instances if i.phase is Phase.DRAINING and not i.drained}
        confirmed = self._ads.confirmed(Kind.ENDPOINTS, cluster_name(facts.key))
        for instance in set(graces) - draining if confirmed else set(graces):
            graces.pop(instance).cancel()
        if confirmed:
            for instance in draining - set(graces):
                graces[instance] = self._later(GRACE_S, partial(self._tell, instance))
        if graces:
            self._graces[facts.key] = graces

    def forget(self, key: SetKey) -> None:
        """The set is gone, or the supervisor may have forgotten what it was told."""
        for grace in self._graces.pop(key, {}).values():
            grace.cancel()
