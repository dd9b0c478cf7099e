"""Everything the doors need, put together by a process. Nothing here is made or decided."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from setpoint.api.attempts import Attempts
from setpoint.drivers.git.repositories import Repositories
from setpoint.drivers.local.uploads import Uploads
from setpoint.drivers.ports import Tails, Terminals
from setpoint.intents.door import Door
from setpoint.model.capability import Capabilities
from setpoint.model.change import Actor
from setpoint.model.condition import InstallationCondition
from setpoint.model.figures import EdgeFigures, Figures
from setpoint.model.retention import Collection, Disk
from setpoint.store.port import Store
from setpoint.views.feed import Feed


class Tokens(Protocol):
    def check(self, token: str) -> Actor | None:
        """Whose token is this? Takes the same time for every wrong one."""
        ...


class Tickets(Protocol):
    """Texts that only this Setpoint can have made: an address with one in it is a permission."""

    def issue(self, purpose: str, content: bytes) -> str:
        """Fit for an URL; what is in it can be read by its holder. Good for this purpose only."""
        ...

    def read(self, purpose: str, ticket: str) -> bytes | None:
        """None for what was not issued here, or for something else."""
        ...


@dataclass(frozen=True)
class Installation:
    """Facts that hold as long as this process lives. `since_s`: unix seconds of the data's init.

    `edge_port`: where apps are reached. `rendezvous_port`: where Heroku's clients meet their
    one-off dynos, `tls_port`: where git pushes to; 0 where they cannot. `host_suffix`:
    `<app>.<suffix>` is an app's host. `authority`: by which the API's certificate is, as PEM.
    """

    version: str
    edge_port: int
    since_s: float = 0.0
    host_suffix: str = "localhost"
    rendezvous_port: int = 0
    tls_port: int = 0
    authority: str = ""


@dataclass(frozen=True)
class Services:
    """`plane`: facts about the plane's own processes for status and doctor, as JSON-able data.

    `disk`, `conditions` of the installation: as it is now. `collect`: told whether only to look;
    raises DriverError, StoreError.
    `figures`, `answered`: as counted by now by the supervisor and the edge; raise DriverError.
    `now`: unix seconds. `new_id`: unguessable text.
    """

    door: Door
    store: Store
    feed: Feed
    tails: Tails
    terminals: Terminals
    uploads: Uploads
    repositories: Repositories
    tokens: Tokens
    tickets: Tickets
    capabilities: Callable[[], Capabilities]
    now: Callable[[], float]
    new_id: Callable[[], str]
    plane: Callable[[], Mapping[str, object]]
    disk: Callable[[], Disk]
    conditions: Callable[[], tuple[InstallationCondition, ...]]
    collect: Callable[[bool], Awaitable[Collection]]
    figures: Callable[[], Awaitable[Figures]]
    answered: Callable[[], Awaitable[EdgeFigures]]
    installation: Installation
    attempts: Attempts = field(default_factory=Attempts)
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once this process is asked to end: what streams without end then ends in order."""
