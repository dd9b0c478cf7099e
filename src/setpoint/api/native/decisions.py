"""What was decided, what it rests on, and what became of that."""

from typing import Literal

import msgspec

from setpoint.api.call import Call
from setpoint.intents import decisions as intents
from setpoint.model.answer import Governing
from setpoint.model.decision import Decision, Wish
from setpoint.planning import decisions as sentences
from setpoint.views import decisions as views


class DecisionsTold(msgspec.Struct, frozen=True):
    lines: tuple[str, ...]
    decisions: tuple[Decision, ...]


class DecisionTold(msgspec.Struct, frozen=True):
    lines: tuple[str, ...]
    told: Governing


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: str = ""


class Ending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`revisit`: of a bet that is extended, '30d' or a date."""

    outcome: Literal["held", "lost", "extend"]
    text: str = ""
    revisit: str = ""


async def listed(call: Call) -> DecisionsTold:
    """`?bets=1`: whose bet is open or lost; `?due=1`: only what somebody has to look at now;
    `?app=` narrows."""
    now_s = call.asked.at_s
    found = await views.decisions(
        call.services.store,
        call.asked.actor,
        now_s,
        name=call.request.query_params.get("app") or None,
        due=call.flag("due"),
        bets=call.flag("bets"),
    )
    return DecisionsTold(sentences.listed(found, now_s), found)


async def info(call: Call) -> DecisionTold:
    return await told(call, call.param("decision"))


async def told(call: Call, label: str) -> DecisionTold:
    found = await views.decision(call.services.store, call.asked.actor, label, call.asked.at_s)
    return DecisionTold(sentences.whole(found, call.asked.at_s), found)


async def decide(call: Call, body: Wish) -> Decision:
    return await intents.decide(call.services.door, call.asked, body)


async def verify(call: Call, body: Said) -> Decision:
    """It still holds; `text`: how one knows."""
    label = call.param("decision")
    return await intents.verify(call.services.door, call.asked, label, body.text)


async def question(call: Call, body: Said) -> Decision:
    """Does it still hold?"""
    label = call.param("decision")
    return await intents.question(call.services.door, call.asked, label, body.text)


async def settle(call: Call, body: Ending) -> Decision:
    """How its bet went."""
    return await intents.settle(
        call.services.door,
        call.asked,
        call.param("decision"),
        body.outcome,
        body.text,
        body.revisit,
    )
