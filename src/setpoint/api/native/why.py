"""Why it is so: the story as data, and as the sentences that `setpoint why` prints."""

import msgspec

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.model.change import UnitChange
from setpoint.model.story import FieldStory, Story
from setpoint.planning import explain
from setpoint.views import changes, why

CHANGES_DEFAULT = 10


class StoryTold(msgspec.Struct, frozen=True):
    """The story of a whole app, or of the one field `?path=` names."""

    lines: tuple[str, ...]
    story: Story | None = None
    field: FieldStory | None = None


async def told(call: Call) -> StoryTold:
    unit = await find.app(call, leaving=True)
    store, actor = call.services.store, call.asked.actor
    path = call.request.query_params.get("path", "")
    if path:
        field = await why.field_story(store, actor, unit.name, path)
        return StoryTold(explain.why_field(field), field=field)
    limit = call.count("limit", CHANGES_DEFAULT, why.CHANGES_MAX)
    story = await why.story(store, actor, unit.name, limit)
    return StoryTold(explain.why(story), story=story)


async def log(call: Call) -> tuple[UnitChange, ...]:
    """Newest first; `?app=` narrows."""
    app = call.request.query_params.get("app") or None
    limit = call.count("limit", 50, changes.LIMIT_MAX)
    return await changes.changes(call.services.store, call.asked.actor, app, limit)
