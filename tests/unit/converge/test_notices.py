"""Webhooks over a real store, with a clock that is moved: each event once, signed, until it is
taken or given up."""

import asyncio
import base64
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from setpoint.converge.happened import Place
from setpoint.converge.notices import Notices
from setpoint.model.app import AppIntent, SecretRef, Webhook
from setpoint.model.errors import DriverError, Transient
from setpoint.model.webhook import Delivery
from setpoint.planning import webhooks as planning
from setpoint.store.port import UnitWrite
from setpoint.store.sqlite import SqliteStore, open_in_memory
from tests.support.memory import NOON_S, SHOP, asked, created, deployed, shop

URL = "https://chat.example.com/hook"
SECRET = "a-secret-of-some-length"
AWAY = Transient("cannot send to https://chat.example.com: no answer within 20 s")

Answer = int | DriverError


@dataclass
class Scene:
    """`answers`: to each attempt, in turn; then 200."""

    store: SqliteStore
    now_s: float = NOON_S
    answers: list[Answer] = field(default_factory=list[Answer])
    posted: list[tuple[dict[str, str], bytes]] = field(
        default_factory=list[tuple[dict[str, str], bytes]]
    )
    held: asyncio.Event | None = None
    secrets: int = 0

    def notices(self) -> Notices:
        """As after each restart."""
        place = Place("stack-1", 8080, 5100)
        log = logging.getLogger("test")
        return Notices(self.store, self.post, lambda: place, lambda: self.now_s, lambda: 0.5, log)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        assert url == URL
        if self.held is not None:
            await self.held.wait()
        self.posted.append((dict(headers), body))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, DriverError):
            raise answer
        return answer

    async def look(self, later_s: float = 0.0) -> None:
        self.now_s += later_s
        notices = self.notices()
        await notices.look()
        await notices.idle()

    async def alter(self, verb: str = "change", **fields: Any) -> None:
        unit = await self.store.unit(SHOP)
        assert unit is not None
        intent = msgspec.structs.replace(unit.intent, **fields)
        write = UnitWrite(intent, unit.rev)
        await self.store.commit(asked("", self.now_s), verb, "Change", [write])

    async def hook(self, *include: str, level: str = "sync", id: str = "w-1") -> None:
        unit = await self.store.unit(SHOP)
        assert unit is not None
        url, secret = SecretRef(f"u-{id}", 1), SecretRef(f"s-{id}", 1)
        made = Webhook(include, level, "https://chat.example.com", url, secret, self.now_s)  # type: ignore[arg-type]
        intent = msgspec.structs.replace(unit.intent, webhooks={**unit.intent.webhooks, id: made})
        values = {url.key: URL, secret.key: SECRET}
        write = UnitWrite(intent, unit.rev)
        said = asked("", self.now_s)
        await self.store.commit(said, "add a webhook to", "Add", [write], values)

    @property
    def told(self) -> list[tuple[str, str]]:
        found = [json.loads(body) for _, body in self.posted]
        return [(t["webhook_metadata"]["event"]["include"], t["action"]) for t in found]

    async def deliveries(self) -> tuple[Delivery, ...]:
        return (await self.store.notices(SHOP))[::-1]


def played(story: Callable[[Scene], Awaitable[None]]) -> None:
    async def whole() -> None:
        store = open_in_memory()
        await created(store, shop())
        await story(Scene(store))
        await store.close()

    asyncio.run(whole())


def test_what_is_included_is_told_signed_and_once() -> None:
    async def story(scene: Scene) -> None:
        await scene.alter(maintenance=True)
        await scene.hook("api:app", "api:domain")
        await scene.look()
        assert scene.posted == []
        await scene.alter(maintenance=False, domains=("www.example.com",))
        await scene.look()
        await scene.look()
        assert scene.told == [("api:app", "update"), ("api:domain", "create")]
        (headers, body), (_, second) = scene.posted
        signed = base64.b64encode(hmac.digest(SECRET.encode(), body, "sha256")).decode()
        assert headers["Heroku-Webhook-Hmac-SHA256"] == signed
        assert "Authorization" not in headers
        told, domain = json.loads(body), json.loads(second)
        assert told["data"]["name"] == "shop"
        assert told["data"]["maintenance"] is False
        assert told["resource"] == "app"
        assert told["version"] == "application/vnd.heroku+json; version=3"
        assert told["actor"]["email"] == "dev@example.com"
        assert {"id", "published_at", "sequence", "previous_data"} <= told.keys()
        assert set(told["webhook_metadata"]) == {"attempt", "delivery", "event", "webhook"}
        assert told["webhook_metadata"]["webhook"] == {"id": "w-1"}
        assert domain["data"]["hostname"] == "www.example.com"
        assert [d.status for d in await scene.deliveries()] == ["succeeded", "succeeded"]

    played(story)


def test_builds_and_releases_and_formations_and_people_are_told_of() -> None:
    async def story(scene: Scene) -> None:
        names = ("api:build", "api:release", "api:formation", "api:collaborator")
        await scene.hook(*names)
        unit = await scene.store.unit(SHOP)
        assert unit is not None
        await deployed(scene.store, unit)
        await scene.alter(access={"ana@example.com": "view"})
        await scene.alter(access={"ana@example.com": "deploy"})
        await scene.alter(access={})
        await scene.look()
        people = [action for include, action in scene.told if include == "api:collaborator"]
        assert people == ["create", "update", "destroy"]
        assert ("api:release", "create") in scene.told
        builds = [action for include, action in scene.told if include == "api:build"]
        assert builds == ["create", "update"]
        told = {json.loads(body)["resource"]: json.loads(body) for _, body in scene.posted}
        assert told["release"]["data"]["version"] == 1
        assert told["build"]["data"]["status"] == "succeeded"

    played(story)


def test_an_app_that_is_created_or_destroyed_is_told_of_as_such() -> None:
    async def story(scene: Scene) -> None:
        await scene.hook("api:app")
        await scene.alter("destroy", deleted=True)
        await scene.look()
        assert scene.told == [("api:app", "destroy")]

    played(story)


def test_sync_is_tried_for_72_hours_and_notify_once() -> None:
    async def story(scene: Scene) -> None:
        await scene.hook("api:app", level="notify", id="once")
        await scene.hook("api:app", id="often")
        await scene.alter(maintenance=True)
        scene.answers = [500, AWAY] + [503] * 1000
        await scene.look()
        once, often = sorted(await scene.deliveries(), key=lambda d: d.webhook, reverse=True)
        assert (once.webhook, once.status, once.next_at_s) == ("once", "failed", None)
        assert (often.status, often.attempts) == ("retrying", 1)
        assert often.next_at_s == NOON_S + 10
        attempts = 2
        while scene.now_s < NOON_S + 80 * 3600:
            await scene.look(3600)
            attempts = len(scene.posted)
        (gone,) = (d for d in await scene.deliveries() if d.webhook == "often")
        assert (gone.status, gone.next_at_s) == ("failed", None)
        assert 15 < gone.attempts == attempts - 1 < 40
        ids = {json.loads(b)["webhook_metadata"]["attempt"]["id"] for _, b in scene.posted}
        assert len(ids) == attempts
        deliveries = {json.loads(b)["webhook_metadata"]["delivery"]["id"] for _, b in scene.posted}
        assert len(deliveries) == 2

    played(story)


def test_it_is_taken_in_the_end_and_words_of_a_failure_tell_no_secret() -> None:
    async def story(scene: Scene) -> None:
        await scene.hook("api:app")
        await scene.alter(maintenance=True)
        scene.answers = [AWAY]
        await scene.look()
        (waits,) = await scene.deliveries()
        assert (waits.status, waits.code, waits.error) == ("retrying", None, AWAY.message)
        await scene.look(5)
        assert len(scene.posted) == 1
        await scene.look(5)
        (done,) = await scene.deliveries()
        assert (done.status, done.code, done.error, done.attempts) == ("succeeded", 200, "", 2)

    played(story)


def test_what_was_under_way_at_a_death_is_sent_again_with_its_id() -> None:
    async def story(scene: Scene) -> None:
        await scene.hook("api:app")
        await scene.alter(maintenance=True)
        scene.held = asyncio.Event()
        dying = scene.notices()
        await dying.look()
        await asyncio.sleep(0)
        await dying._end()
        scene.held = None
        await scene.look()
        assert scene.told == [("api:app", "update")]
        assert [d.status for d in await scene.deliveries()] == ["succeeded"]

    played(story)


def test_a_webhook_that_hangs_holds_up_no_other() -> None:
    async def story(scene: Scene) -> None:
        await scene.hook("api:app", id="hangs")
        await scene.alter(maintenance=True)
        scene.held = asyncio.Event()
        notices = scene.notices()
        await notices.look()
        await asyncio.sleep(0)
        scene.held = None
        await scene.hook("api:app", id="quick")
        await scene.alter(maintenance=False)
        await notices.look()
        await asyncio.wait_for(notices._busy["quick"], 10)
        done = [d.webhook for d in await scene.deliveries() if d.status == "succeeded"]
        assert "quick" in done
        await notices._end()

    played(story)


def test_one_that_is_removed_hears_no_more_and_costs_nothing() -> None:
    async def story(scene: Scene) -> None:
        await scene.hook("api:app")
        await scene.alter(maintenance=True)
        scene.answers = [500]
        await scene.look()
        await scene.alter(webhooks={})
        await scene.look(100)
        (left,) = await scene.deliveries()
        assert (left.status, left.error) == ("failed", "it was removed")
        assert len(scene.posted) == 1
        assert await scene.store.told_up_to() is None
        await scene.alter(maintenance=False)
        await scene.hook("api:app", id="w-2")
        await scene.look()
        assert len(scene.posted) == 1
        await scene.store.forget(SHOP)
        assert await scene.deliveries() == ()

    played(story)


def test_what_is_kept_is_bounded() -> None:
    async def story(scene: Scene) -> None:
        await scene.hook("api:app")
        for number in range(260):
            await scene.alter(maintenance=not number % 2)
        await scene.look()
        while any(d.next_at_s is not None for d in await scene.deliveries()):
            await scene.look()
        await scene.alter(maintenance=True)
        await scene.look()
        assert len(scene.posted) == 261
        assert len(await scene.deliveries()) <= 202

    played(story)


@pytest.mark.parametrize("luck", [0.0, 1.0])
def test_waits_grow_to_four_hours(luck: float) -> None:
    waits = [planning.again_s(n, luck) for n in (1, 2, 3, 30)]
    assert waits == [w * (0.75 + luck / 2) for w in (10, 20, 40, 4 * 3600)]


def test_an_intent_of_before_there_were_webhooks_can_be_read() -> None:
    old = b'{"id":"a","name":"shop"}'
    assert msgspec.json.decode(old, type=AppIntent).webhooks == {}
