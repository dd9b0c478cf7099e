"""Sources: a place to upload to, then the upload itself."""

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.api.errors import TooLarge
from setpoint.formats.heroku import shapes
from setpoint.intents import deploys
from setpoint.model.errors import OverLimit
from setpoint.policy import headroom


async def create(call: Call) -> shapes.NewSource:
    _check_room(call)
    place = call.services.new_id()
    call.services.uploads.open_place(place)
    url = f"{call.base_url}/sources/{place}"
    return shapes.NewSource(shapes.SourceUrls(get_url=url, put_url=url))


async def create_for(call: Call) -> shapes.NewSource:
    """By the app's own route; what is put there may become any app's."""
    await find.app(call, deploys.VERB)
    return await create(call)


async def put(call: Call) -> shapes.Nothing:
    """No token: the URL was unguessable and is the permission, as on Heroku."""
    _check_room(call)
    uploads, store = call.services.uploads, call.services.store
    try:
        uploads.check_size(call.body_bytes_told)
        digest, size = await uploads.receive(call.param("place"), call.chunks())
    except OverLimit as error:
        raise TooLarge(error.message, error.hint) from None
    await store.record_source(digest, size, call.asked.at_s)
    return shapes.Nothing()


def _check_room(call: Call) -> None:
    door = call.services.door
    headroom.check("take a source", door.headroom(), door.retention)
