"""What changed since somebody last looked, on what is theirs."""

import msgspec

from setpoint.api.call import Call
from setpoint.intents import digest as intents
from setpoint.model.digest import Digest, Introduced, ReadUpTo
from setpoint.planning import digest as sentences
from setpoint.views import digest as views


class DigestTold(msgspec.Struct, frozen=True):
    """`digest`, or for somebody new `introduction`."""

    lines: tuple[str, ...]
    digest: Digest | None = None
    introduction: tuple[Introduced, ...] | None = None


class Heard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`change`, `at_s`: the `up_to` and `at_s` of the digest that was heard."""

    change: int
    at_s: float


async def told(call: Call) -> DigestTold:
    """Nothing is marked as heard by it. `?new=1`: the decisions that most values rest on."""
    store, actor, now_s = call.services.store, call.asked.actor, call.asked.at_s
    if call.flag("new"):
        found = await views.introduction(store, actor)
        return DigestTold(sentences.introduction(found, now_s), introduction=found)
    digest = await views.digest(store, actor, intents.person(call.asked), now_s)
    return DigestTold(sentences.lines(digest, now_s), digest)


async def heard(call: Call, body: Heard) -> ReadUpTo:
    return await intents.read(call.services.door, call.asked, body.change, body.at_s)
