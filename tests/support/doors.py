"""A door over a store in memory, whose ids and tokens are counted and whose wakes are kept."""

import itertools
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

from setpoint.intents.door import Door
from setpoint.model.ids import AppId
from setpoint.store.sqlite import SqliteStore, open_in_memory
from tests.support.memory import run


@dataclass
class Office:
    store: SqliteStore
    woken: list[AppId] = field(default_factory=list[AppId])

    @property
    def door(self) -> Door:
        return self._door

    def __post_init__(self) -> None:
        ids, tokens = itertools.count(1), itertools.count(1)
        self._door = Door(
            store=self.store,
            wake=self.woken.append,
            new_id=lambda: f"id-{next(ids)}",
            new_token=lambda: f"token-{next(tokens)}",
        )


class Story(Protocol):
    def __call__(self, office: Office) -> Coroutine[Any, Any, None]: ...


def in_office(story: Story) -> None:
    """Runs a story against a fresh store."""

    async def whole() -> None:
        office = Office(open_in_memory())
        await story(office)
        await office.store.close()

    run(whole())
