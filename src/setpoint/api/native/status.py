"""The installation and its apps, one line each; and what the installation can do."""

import msgspec

from setpoint.api.call import Call
from setpoint.model.capability import Capabilities
from setpoint.model.condition import InstallationCondition
from setpoint.model.level import LEVEL_WORDS
from setpoint.model.retention import Disk
from setpoint.planning import decisions as sentences
from setpoint.views import apps, decisions
from setpoint.views.feed import Health


class Status(msgspec.Struct, frozen=True):
    """`plane`: facts about the plane's own processes. `at_s`: unix seconds, as everywhere.
    `cursor`: to watch from, without missing what happens from here on."""

    at_s: float
    cursor: str
    version: str
    edge_port: int
    capabilities: Capabilities
    plane: dict[str, object]
    disk: Disk
    conditions: tuple[InstallationCondition, ...]
    apps: tuple[apps.AppLine, ...]
    watch: Health
    bets: str
    """'bets: 2 due, 1 lost', or '' where nobody has to look at any"""


class Doctor(msgspec.Struct, frozen=True):
    """`missing`: sentences; empty when everything is there."""

    version: str
    level: str
    level_words: str
    missing: tuple[str, ...]
    capabilities: Capabilities
    edge_port: int
    plane: dict[str, object]
    disk: Disk
    conditions: tuple[InstallationCondition, ...]


async def status(call: Call) -> Status:
    services = call.services
    cursor = await services.feed.here()
    return Status(
        at_s=call.asked.at_s,
        cursor=cursor,
        version=services.installation.version,
        edge_port=services.installation.edge_port,
        capabilities=services.capabilities(),
        plane=dict(services.plane()),
        disk=services.disk(),
        conditions=services.conditions(),
        apps=await apps.apps(services.store, call.asked.actor),
        watch=services.feed.health,
        bets=await _bets(call),
    )


async def _bets(call: Call) -> str:
    now_s = call.asked.at_s
    found = await decisions.decisions(call.services.store, call.asked.actor, now_s, due=True)
    return sentences.summary(found, now_s)


async def doctor(call: Call) -> Doctor:
    services = call.services
    capabilities = services.capabilities()
    return Doctor(
        version=services.installation.version,
        level=capabilities.level,
        level_words=LEVEL_WORDS[capabilities.level],
        missing=capabilities.missing,
        capabilities=capabilities,
        edge_port=services.installation.edge_port,
        plane=dict(services.plane()),
        disk=services.disk(),
        conditions=services.conditions(),
    )
