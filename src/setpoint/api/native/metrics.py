"""Figures for Prometheus, to whoever may read the apps they are of."""

from starlette.responses import Response

from setpoint.api.call import Call
from setpoint.model.errors import DriverError
from setpoint.model.figures import Figures
from setpoint.views import figures as view


async def metrics(call: Call) -> Response:
    """In the text format of Prometheus. What cannot be had just now is left out."""
    from setpoint.formats import exposition  # 50 ms that only who scrapes has to wait for

    services = call.services
    health = services.feed.health
    try:
        counted: Figures | None = await services.figures()
    except DriverError:
        counted = None
    names = (
        await view.names(services.store, call.asked.actor, counted) if counted is not None else {}
    )
    text = exposition.exposition(health.watchers, health.staleness_s, counted, names)
    return Response(text, media_type=exposition.CONTENT_TYPE)
