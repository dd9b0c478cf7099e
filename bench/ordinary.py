"""200 ordinary Changes of three apps, none of them with a `-m`: how much of what lives answers?

By three ways that a team works. Most of it goes through git: commits are deployed, and a file is
applied, each with the message of its commit. Some is done by hand under a reason that stands in
the environment for the evening; some by hand with no reason at all. One commit in twelve says next
to nothing. Nobody's fields are left out but the names that apps were created with.
"""

import itertools
import random
from collections import Counter
from pathlib import Path
from typing import Any

from setpoint.formats.setpoint_toml import parse
from setpoint.intents import apps, config, declared, deploys, formation
from setpoint.intents.door import Door
from setpoint.intents.formation import FormationUpdate
from setpoint.model.change import Actor, Asked, WhySource
from setpoint.model.ids import BuildId, Digest
from setpoint.model.release import Build, ProcessType, Slug
from setpoint.store.sqlite import SqliteStore, open_store
from setpoint.views import fields

CHANGES = 200
NAMES = ("shop", "till", "blog")
KEYS = tuple(f"KEY_{n}" for n in range(8))
SHARES: dict[str, int] = {"deploy": 40, "apply": 35, "evening": 15, "silent": 10}
"""of a hundred"""
ACTOR = Actor("dev", "dev@example.com")
THIN = ("fix", "wip", "update")
WORDS = (
    "Visitors from the fair wait too long",
    "The till prints receipts in the right order again",
    "A cart is kept while somebody logs in",
    "Half of the memory is enough since the cache moved",
)
"""A demo's texts; only their length and words are judged."""


async def answerable(folder: Path) -> dict[str, Any]:
    """`answerable`: of live fields that somebody set, those that tell who, when and why."""
    store = open_store(folder / "ordinary.db", folder / "ordinary.key")
    demo = Demo(store)
    for name in NAMES:
        await demo.begin(name)
    luck = random.Random(1)
    ways = list(SHARES)
    for way in luck.choices(ways, [SHARES[w] for w in ways], k=CHANGES):
        await demo.change(luck, way)
    told = [
        line for name in NAMES for line in await fields.set_lines(store, ACTOR, name, demo.now_s)
    ]
    await store.close()
    kinds = Counter(line.reason.kind for line in told)
    return {
        "ordinary_changes": CHANGES,
        "human_set": len(told),
        "answerable": round(kinds["said"] / len(told), 3),
        "thin": round(kinds["thin"] / len(told), 3),
        "reused": round(kinds["reused"] / len(told), 3),
        "unanswered": round(kinds["none"] / len(told), 3),
        "sources": Counter(line.reason.source for line in told),
        "shares": SHARES,
    }


class Demo:
    """A team's days, on a clock that goes on by twenty minutes with each Change."""

    def __init__(self, store: SqliteStore) -> None:
        ids, tokens = itertools.count(1), itertools.count(1)
        self.store = store
        self.now_s = 1.79e9
        self.numbers = itertools.count(1)
        self.door = Door(
            store=store,
            wake=lambda _: None,
            new_id=lambda: f"id-{next(ids)}",
            new_token=lambda: f"token-{next(tokens)}",
        )

    async def begin(self, name: str) -> None:
        await apps.create(self.door, self._asked(self._message(), "commit"), name)
        await self._deploy(name, self._message())

    async def change(self, luck: random.Random, way: str) -> None:
        self.now_s += 1200.0
        name = luck.choice(NAMES)
        message = luck.choice(THIN) if luck.random() < 1 / 12 else self._message()
        match way:
            case "deploy":
                await self._deploy(name, message)
            case "apply":
                await self._apply(luck, name, message)
            case "evening":
                await self._by_hand(luck, name, self._asked(message, "env"))
            case _:
                await self._by_hand(luck, name, self._asked("", "none"))

    async def _deploy(self, name: str, message: str) -> None:
        digest = Digest(f"{next(self.numbers):064x}")
        await self.store.record_source(digest, 1000, self.now_s)
        unit = await deploys.deploy(self.door, self._asked(message, "commit"), name, digest)
        slug = Slug(digest, (ProcessType("web", "web", "serve"),), "stack-1", "/usr/bin/python3")
        build = Build(
            BuildId(f"b-{digest[-8:]}"), unit.id, digest, "succeeded", self.now_s, slug=slug
        )
        await self.store.record_build(build)
        await self.store.cut_release(
            unit.id, build, unit.intent.config, unit.shape_summary, unit.shape_change, self.now_s
        )

    async def _apply(self, luck: random.Random, name: str, message: str) -> None:
        """A committed file: the values that this commit altered, with no why beside them."""
        key, count = luck.choice(KEYS), luck.randint(1, 4)
        text = (
            f"[apps.{name}.processes.web]\ncount = {count}\n"
            f"[apps.{name}.config]\n{key} = {{ env = 'VALUE' }}\n"
        )
        file = parse(text, {"VALUE": f"value-{next(self.numbers)}"})
        await declared.apply(self.door, self._asked(message, "commit"), file)

    async def _by_hand(self, luck: random.Random, name: str, asked: Asked) -> None:
        if luck.random() < 0.5:
            count = luck.randint(1, 4)
            await formation.scale(self.door, asked, name, [FormationUpdate("web", count, count)])
        else:
            value = f"value-{next(self.numbers)}"
            await config.patch(self.door, asked, name, {luck.choice(KEYS): value})

    def _message(self) -> str:
        number = next(self.numbers)
        return f"{WORDS[number % len(WORDS)]}, {number}"

    def _asked(self, why: str, source: WhySource) -> Asked:
        return Asked(ACTOR, "cli", self.now_s, why, why_source=source)
