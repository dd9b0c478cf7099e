"""Which dyno answered: by the address a request went to, also once the instance is gone."""

from setpoint.model.process import Endpoint, SetFacts

KNOWN_MAX = 10_000
"""The access log is a fraction of a second late, so only the newest matter."""


class Dynos:
    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def learn(self, facts: SetFacts) -> None:
        process = facts.key.process
        if facts.socket is not None:
            self._put(facts.socket, process)
        for instance in facts.instances:
            if instance.endpoint is not None:
                self._put(instance.endpoint, f"{process}.{instance.ordinal}")

    def name(self, place: str) -> str:
        return self._names.get(place, "")

    def _put(self, endpoint: Endpoint, name: str) -> None:
        pipe = endpoint.kind in ("pipe", "relay")
        place = endpoint.address if pipe else f"{endpoint.address}:{endpoint.port}"
        self._names.pop(place, None)
        self._names[place] = name
        while len(self._names) > KNOWN_MAX:
            del self._names[next(iter(self._names))]
