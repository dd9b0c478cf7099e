"""Why it is so: as data, and as the sentences that `setpoint why`, `who` and `log` print."""

import msgspec

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.api.errors import BadRequest
from setpoint.api.native import decisions
from setpoint.intents import notes
from setpoint.model.answer import FieldAnswer, FieldLine, Governing, Logged, Who
from setpoint.model.app import Unit
from setpoint.model.change import Note
from setpoint.model.decision import numbered
from setpoint.model.story import Story
from setpoint.planning import answers, explain
from setpoint.policy.names import shortened
from setpoint.views import changes, fields, lookup, who, why
from setpoint.views import timeline as views
from setpoint.views.timeline import Timeline

CHANGES_DEFAULT = 10


class Told(msgspec.Struct, frozen=True):
    """The story of a whole app, the answer of one field, a line for each of several, or a
    decision."""

    lines: tuple[str, ...]
    story: Story | None = None
    field: FieldAnswer | None = None
    fields: tuple[FieldLine, ...] | None = None
    decision: Governing | None = None


class WhoTold(msgspec.Struct, frozen=True):
    lines: tuple[str, ...]
    who: Who


class NoteWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: str


async def told(call: Call) -> Told:
    """`?path=` names a field."""
    query = call.request.query_params
    return await _told(call, await find.app(call, leaving=True), query.get("path", ""))


async def asked(call: Call) -> Told:
    """`?resource=` names an app, `?field=` a field; see `_told` for the rest. Or it names a
    decision, where no app is called so."""
    wanted = call.request.query_params.get("resource", "")
    store, actor = call.services.store, call.asked.actor
    if numbered(wanted) and await lookup.seen_named(store, actor, wanted) is None:
        found = await decisions.told(call, wanted)
        return Told(found.lines, decision=found.told)
    return await _told(call, await _resource(call), call.request.query_params.get("field", ""))


async def _told(call: Call, unit: Unit, field: str) -> Told:
    """`?history=1`: all Changes of the field; `?at=`: as it was then; `?undo=1`: each step of
    going back; `?stale=1`: fields whose reason should be looked at; `?limit=`: Changes told."""
    services, actor = call.services, call.asked.actor
    if call.flag("stale"):
        lines = await fields.stale_lines(services.store, actor, unit.name, call.asked.at_s)
        return Told(answers.fields(unit.name, lines, stale=True), fields=lines)
    if not field:
        limit = call.count("limit", CHANGES_DEFAULT, why.CHANGES_MAX)
        story = await why.story(services.store, actor, unit.name, limit)
        return Told(explain.why(story), story=story)
    answer = await fields.answer(
        services.store,
        actor,
        unit.name,
        field,
        services.capabilities(),
        call.asked.at_s,
        whole_history=call.flag("history"),
        undoing=call.flag("undo"),
        at=call.request.query_params.get("at", ""),
    )
    if isinstance(answer, tuple):
        return Told(answers.fields(unit.name, answer), fields=answer)
    return Told(answers.field(answer, call.asked.at_s, undo=call.flag("undo")), field=answer)


async def _resource(call: Call) -> Unit:
    """An app's name or id; `app/NAME` says the same."""
    wanted = call.request.query_params.get("resource", "").removeprefix("app/")
    if not wanted:
        raise BadRequest("cannot read the query: resource is missing")
    actor = call.asked.actor
    return await find.named(call.services.store, actor, wanted, "see", leaving=True)


async def hands(call: Call) -> WhoTold:
    """`?resource=` names an app."""
    unit = await _resource(call)
    found = await who.who(call.services.store, call.asked.actor, unit.name)
    return WhoTold(answers.who(found, call.asked.at_s), found)


async def timeline(call: Call) -> Timeline:
    """`?resource=` names an app, `?limit=` how many Changes."""
    unit = await _resource(call)
    limit = call.count("limit", 50, changes.LIMIT_MAX)
    return await views.timeline(call.services.store, call.asked.actor, unit.name, limit)


async def log(call: Call) -> tuple[Logged, ...]:
    """Newest first; `?app=` narrows, `?since=` is the highest seq that is known already."""
    app = call.request.query_params.get("app") or None
    limit = call.count("limit", 50, changes.LIMIT_MAX)
    since = call.count("since", 0, 2**62)
    return await changes.changes(call.services.store, call.asked.actor, app, limit, since)


async def note(call: Call, body: NoteWish) -> Note:
    """Of Change `12`, or `c12`."""
    wanted = call.param("change").removeprefix("c")
    if not wanted.isdecimal() or len(wanted) > 18:
        raise BadRequest(f"cannot note anything of '{shortened(wanted)}': that is no Change")
    return await notes.note(call.services.door, call.asked, int(wanted), body.text)
