"""Every route is asked what nobody would, and none may fail at it."""

import itertools
from collections import Counter
from collections.abc import Iterable
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.schemas import APIOperation

from tests.fuzz.requests import operations, requests
from tests.fuzz.world import Sent, World, listening, made, status_of
from tests.support.plane import Plane


class Fuzz:
    """`plane`: runs as long as this is used. `cases`: of each route. `answers`: by status."""

    def __init__(self, plane: Plane, cases: int, chosen: int) -> None:
        self.plane = plane
        self.answers = Counter[int]()
        self._cases, self._seed = cases, chosen
        self._operations = operations(plane.send("GET", "/v1/openapi.json").json)
        self._names = (f"fuzzed-{n}" for n in itertools.count(1))
        self._world = made(plane, next(self._names))

    @property
    def routes(self) -> Iterable[str]:
        return self._operations.keys()

    def check(self, route: str) -> None:
        """Raises AssertionError with the smallest request that fails."""
        if not self._world.whole:
            self._world = made(self.plane, next(self._names))
        self._check(self._operations[route], self._world)

    def _check(self, operation: APIOperation[Any, Any, Any, Any], world: World) -> None:
        @seed(self._seed)
        @settings(
            max_examples=self._cases,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        @given(requests(operation, world.known))
        def answers(sent: Sent) -> None:
            with listening() as complaints:
                status = status_of(self.plane, sent)
            self.answers[status] += 1
            assert 0 < status < 500, (status, *complaints)
            assert not complaints, complaints

        answers()
