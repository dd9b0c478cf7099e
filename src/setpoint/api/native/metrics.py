"""Figures for Prometheus, to whoever may read the apps they are of."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from starlette.responses import Response

from setpoint.api.call import Call
from setpoint.model.errors import DriverError
from setpoint.model.figures import EdgeFigures, Figures
from setpoint.views import figures as view

T = TypeVar("T")


async def metrics(call: Call) -> Response:
    """In the text format of Prometheus. What cannot be had just now is left out."""
    from setpoint.formats import exposition  # 50 ms that only who scrapes has to wait for

    services = call.services
    health = services.feed.health
    counted, answered = await _had(services.figures), await _had(services.answered)
    rows = (*(counted or Figures()).processes, *(answered or EdgeFigures(0.0)).processes)
    shipped = await services.store.shipped()
    apps = {row.app for row in (*rows, *shipped)}
    names = await view.names(services.store, call.asked.actor, apps)
    text = exposition.exposition(
        health.watchers,
        health.staleness_s,
        counted,
        answered,
        names,
        shipped,
        services.conditions(),
    )
    return Response(text, media_type=exposition.CONTENT_TYPE)


async def _had(ask: Callable[[], Awaitable[T]]) -> T | None:
    try:
        return await ask()
    except DriverError:
        return None
