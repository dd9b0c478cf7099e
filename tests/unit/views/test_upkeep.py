"""Who froze an app, why, and until when: as the newest who said anything of it said."""

from setpoint.intents import apps, upkeep
from setpoint.model.change import Actor, Asked
from setpoint.views.upkeep import upkeep as told
from tests.support.doors import in_office
from tests.support.memory import NOON_S


def asked(name: str, why: str = "") -> Asked:
    actor = Actor(name, f"{name}@example.com", "admin")
    return Asked(actor=actor, via="cli", at_s=NOON_S, why=why, idempotency_key="")


def test_who_froze_it_again_and_why_is_told_with_their_time():
    async def story(office):
        await apps.create(office.door, asked("ana"), "shop")
        await upkeep.keep(office.door, asked("ana", "incident 1"), "shop", "freeze", "1h")
        unit = await upkeep.keep(office.door, asked("bob", "audit"), "shop", "freeze", "24h")
        said = await told(office.store, unit, NOON_S)
        assert said is not None
        assert (said.by, said.why) == ("bob@example.com", "audit")
        assert said.until_s == NOON_S + 24 * 3600
        assert said.change == unit.last_change

    in_office(story)
