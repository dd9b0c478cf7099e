"""A digest that is sent: once a day at most, again until it is taken, and without any secret."""

import json
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from setpoint.formats.digest_hook import Hook
from setpoint.intents import config, decisions, formation
from setpoint.intents.formation import FormationUpdate
from setpoint.model.decision import Wish
from setpoint.model.errors import DriverError, Terminal, Transient
from setpoint.planning.decisions import DAY_S
from setpoint.processes.digests import LOOK_S, Digests
from setpoint.views.digest import LEFT_OUT
from tests.support.doors import Office, in_office
from tests.support.memory import DEV, NOON_S, asked
from tests.unit.views.test_fields import shop_with_a_release

HOOK = Hook("https://chat.example/hook", "a-secret-of-some-length", DEV.email)


@dataclass
class Receiver:
    """`answers`: an error for each of the next deliveries, None takes it."""

    now_s: float = NOON_S + 60
    answers: list[DriverError | None] = field(default_factory=list[DriverError | None])
    heard: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    tried: int = 0

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        assert url == HOOK.url
        self.tried += 1
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        self.heard.append((headers["Setpoint-Delivery"], json.loads(body)["text"]))

    def sending(self, office: Office) -> Digests:
        """As after each restart: nothing is known but what the store has."""
        log = logging.getLogger("test")
        return Digests(office.store, HOOK, self.post, lambda: self.now_s, log)

    async def look(self, office: Office, later_s: float = 0.0) -> float:
        self.now_s += later_s
        return await self.sending(office).look()


def scaled(office: Office, count: int, now_s: float, why: str) -> Coroutine[Any, Any, object]:
    said = asked(why, now_s)
    return formation.scale(office.door, said, "shop", [FormationUpdate("web", count, count)])


def test_it_is_sent_once_a_day_at_most_and_tells_each_thing_once() -> None:
    async def story(office: Office) -> None:
        receiver = Receiver()
        await shop_with_a_release(office)
        await receiver.look(office)
        assert len(receiver.heard) == 1
        await scaled(office, 3, receiver.now_s, "the fair is on Saturday")
        for _ in range(23):
            await receiver.look(office, 3600)
        assert len(receiver.heard) == 1, "not before a day has gone by, whoever restarts"
        await receiver.look(office, 3600)
        (first, _), (second, text) = receiver.heard
        assert "the fair is on Saturday" in text
        assert first != second
        await receiver.look(office, 2 * DAY_S)
        assert len(receiver.heard) == 2, "where nothing is to be told, nothing is sent"

    in_office(story)


def test_what_is_not_taken_is_sent_again_as_the_same_delivery_ever_later() -> None:
    async def story(office: Office) -> None:
        receiver = Receiver(answers=[Transient("cannot send: it answers 503")] * 8)
        await shop_with_a_release(office)
        digests = receiver.sending(office)
        waits = [await digests.look() for _ in range(8)]
        assert waits == [60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 3600.0, 3600.0]
        assert await digests.look() == LOOK_S
        assert (receiver.tried, len(receiver.heard)) == (9, 1)
        assert await digests.look() == LOOK_S
        assert receiver.tried == 9

    in_office(story)


def test_an_address_that_is_refused_is_tried_again_the_next_day() -> None:
    async def story(office: Office) -> None:
        receiver = Receiver(answers=[Terminal("cannot reach chat.example: not a public address")])
        await shop_with_a_release(office)
        digests = receiver.sending(office)
        assert await digests.look() == DAY_S
        await digests.look()
        assert len(receiver.heard) == 1

    in_office(story)


def test_a_persons_own_cursor_stays_where_it_is() -> None:
    async def story(office: Office) -> None:
        await shop_with_a_release(office)
        await Receiver().look(office)
        assert await office.store.read_up_to(DEV.email) is None
        assert await office.store.read_up_to(HOOK.reader) is not None

    in_office(story)


def test_no_line_with_a_config_value_leaves_the_house() -> None:
    """Such a why is refused; but a word that was said before may become a value."""

    async def story(office: Office) -> None:
        receiver = Receiver()
        await shop_with_a_release(office)
        await scaled(office, 3, NOON_S, "call it hunter22 from now on")
        await decisions.decide(office.door, asked(), Wish("hunter22 is a fine name", on=("shop",)))
        await config.patch(office.door, asked(), "shop", {"NAME": "hunter22"})
        await receiver.look(office)
        ((_, text),) = receiver.heard
        assert "hunter22" not in text
        assert LEFT_OUT in text
        assert "Set NAME config vars" in text

    in_office(story)
