"""What people ask of one app besides code and numbers: by the intents, as a request does.

Each is several calls of the store, so the daemon may die within any of them, and what it read may
be overtaken before it writes.
"""

import random
from collections.abc import Awaitable, Callable

from setpoint.intents import (
    accounts,
    buildpacks,
    certificates,
    collaborators,
    config,
    domains,
    drains,
    egress,
    keys,
    pipelines,
    probes,
    webhooks,
)
from setpoint.intents.door import Door
from setpoint.model.account import Role
from setpoint.model.app import DEFAULT_PROBE, Unit
from setpoint.model.change import Asked
from setpoint.model.egress import INTERNET, NONE, Egress
from setpoint.model.pipeline import Pipeline, Promotion
from setpoint.testing import papers
from setpoint.testing.programs import BREAKING
from setpoint.testing.supervisor import CAPABILITIES

PLAINTEXT = "plaintext-that-must-not-leak"
HOSTS = ("www.example.com", "shop.example.com", "old.example.net")
"""Few, so that apps want the same ones, and hand them on."""
WAYS_OUT: tuple[Egress, ...] = ((), INTERNET, NONE, ("internet", "10.0.3.0/24"))
LINE = "line"
STAGES = ("development", "staging", "production")
PROBES = (
    probes.ProbeUpdate(default=True),
    probes.ProbeUpdate("/health", status_below=400),
    probes.ProbeUpdate("/", status_below=DEFAULT_PROBE.status_below, once=False),
    probes.ProbeUpdate(timeout_s=1.0),
)
"""Whatever is asked, an error page is none that lets a release through."""

PACKS = ("https://packs.example.com/a.tgz", "https://packs.example.com/b.tar.gz")
SOMEBODY = "colleague@example.com"
ROLES: tuple[Role, ...] = ("view", "deploy", "operate")

Told = Unit | Promotion | Pipeline | None


class Wishes:
    """`ask` draws one. What is wished for may be refused, as it may be of anybody."""

    def __init__(self, luck: random.Random) -> None:
        self._luck = luck
        self._made = 0
        self._kinds: dict[Callable[[Door, Asked, Unit], Awaitable[Told]], float] = {
            self._domain: 3.0,
            self._certificate: 2.0,
            self._probe: 1.0,
            self._egress: 1.0,
            self._configure: 3.0,
            self._rotate: 0.5,
            self._couple: 1.5,
            self._promote: 3.0,
            self._drain: 0.5,
            self._webhook: 0.5,
            self._buildpacks: 0.5,
            self._access: 0.5,
        }

    async def ask(self, door: Door, asked: Asked, unit: Unit) -> Told:
        """What came of it. Raises what a door does."""
        (wish,) = self._luck.choices(tuple(self._kinds), tuple(self._kinds.values()))
        return await wish(door, asked, unit)

    async def _domain(self, door: Door, asked: Asked, unit: Unit) -> Unit:
        has = unit.intent.domains
        if has and self._luck.random() < 0.6:
            return await domains.remove(door, asked, unit.name, self._luck.choice(has))
        names = sorted(unit.intent.certificates)
        name = self._luck.choice(names) if names and self._luck.random() < 0.8 else None
        done, _ = await domains.add(door, asked, unit.name, self._luck.choice(HOSTS), name)
        return done

    async def _certificate(self, door: Door, asked: Asked, unit: Unit) -> Unit:
        names, what = sorted(unit.intent.certificates), self._luck.random()
        if not names or what < 0.2:
            done, name = await certificates.add(door, asked, unit.name, self._brought())
            return await self._bind(door, asked, done, name)
        name = self._luck.choice(names)
        if what < 0.5:
            return await certificates.update(door, asked, unit.name, name, self._brought())
        if what < 0.6:
            return await certificates.remove(door, asked, unit.name, name)
        return await self._bind(door, asked, unit, name if self._luck.random() < 0.8 else None)

    async def _bind(self, door: Door, asked: Asked, unit: Unit, name: str | None) -> Unit:
        """To a host that it has; where it has none, to one that it is given."""
        if unit.intent.domains:
            host = self._luck.choice(unit.intent.domains)
            return await certificates.bind(door, asked, unit.name, host, name)
        done, _ = await domains.add(door, asked, unit.name, self._luck.choice(HOSTS), name)
        return done

    def _brought(self) -> certificates.Brought:
        return papers.certificate(HOSTS, self._luck.randrange(papers.SERIALS))

    async def _probe(self, door: Door, asked: Asked, unit: Unit) -> Unit:
        return await probes.set_probe(door, asked, unit.name, "web", self._luck.choice(PROBES))

    async def _egress(self, door: Door, asked: Asked, unit: Unit) -> Unit:
        return await egress.set_egress(door, asked, unit.name, self._luck.choice(WAYS_OUT))

    async def _configure(self, door: Door, asked: Asked, unit: Unit) -> Unit:
        self._made += 1
        said = {"GREETING": f"{PLAINTEXT}-{self._made}"}, {"GREETING": None}
        broken = {BREAKING: "1"}, {BREAKING: None}
        (changes,) = self._luck.choices((*said, *broken), (3, 1, 1, 2))
        return await config.patch(door, asked, unit.name, changes)

    async def _rotate(self, door: Door, asked: Asked, unit: Unit) -> Unit:
        return await keys.rotate(door, asked, unit.name)

    async def _couple(self, door: Door, asked: Asked, unit: Unit) -> Told:
        line = next(iter(await door.store.pipelines()), None)
        stage, what = self._luck.choice(STAGES), self._luck.random()
        if line is None:
            return await pipelines.create(door, asked, LINE)
        if unit.intent.pipeline is None:
            return await pipelines.add(door, asked, unit.name, line, stage)
        if what < 0.1:
            return await pipelines.destroy(door, asked, line)
        if what < 0.3:
            return await pipelines.remove(door, asked, unit.name)
        return await pipelines.move(door, asked, unit.name, stage)

    async def _promote(self, door: Door, asked: Asked, unit: Unit) -> Promotion:
        """To others. So that they are there, each is put into the pipeline first."""
        line = next(iter(await door.store.pipelines()), None)
        line = line or await pipelines.create(door, asked, LINE)
        apps = [u for u in await door.store.units() if not u.intent.deleted]
        for one in apps:
            if one.intent.pipeline is None:
                await pipelines.add(door, asked, one.name, line, self._luck.choice(STAGES))
        wanted = [u.name for u in apps if u.id != unit.id and self._luck.random() < 0.7]
        return await pipelines.promote(door, asked, unit.name, wanted, CAPABILITIES.stack)

    # --- what nothing in the world shows: it must be kept all the same ----------------------------

    def _address(self) -> str:
        """With a password in it, which is nobody's to see."""
        self._made += 1
        return f"https://tail:{PLAINTEXT}-{self._made}@logs.example.com/"

    async def _drain(self, door: Door, asked: Asked, unit: Unit) -> Unit:
        has = sorted(unit.intent.drains)
        if has and self._luck.random() < 0.5:
            return await drains.remove(door, asked, unit.name, self._luck.choice(has))
        done, _ = await drains.add(door, asked, unit.name, self._address())
        return done

    async def _webhook(self, door: Door, asked: Asked, unit: Unit) -> Unit:
        has, what = sorted(unit.intent.webhooks), self._luck.random()
        said = webhooks.Said(("api:release",), "notify", self._address(), f"{PLAINTEXT}-secret")
        if not has or what < 0.3:
            done, _, _ = await webhooks.add(door, asked, unit.name, said)
            return done
        id = self._luck.choice(has)
        if what < 0.6:
            return await webhooks.remove(door, asked, unit.name, id)
        return await webhooks.alter(door, asked, unit.name, id, said)

    async def _buildpacks(self, door: Door, asked: Asked, unit: Unit) -> Unit:
        if self._luck.random() < 0.3:
            return await buildpacks.purge_cache(door, asked, unit.name)
        wanted = self._luck.sample(PACKS, self._luck.randrange(len(PACKS) + 1))
        return await buildpacks.set_buildpacks(door, asked, unit.name, wanted)

    async def _access(self, door: Door, asked: Asked, unit: Unit) -> Unit:
        if SOMEBODY in unit.intent.access and self._luck.random() < 0.5:
            return await collaborators.withdraw(door, asked, unit.name, SOMEBODY)
        if await door.store.account(SOMEBODY) is None:
            await accounts.add(door, asked, SOMEBODY, admin=False)
        role = self._luck.choice(ROLES)
        done, _ = await collaborators.grant(door, asked, unit.name, SOMEBODY, role)
        return done
