"""What does not end by itself: an app's log."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec
from starlette.responses import Response

from setpoint.api import errors, find
from setpoint.api.call import Call
from setpoint.api.streamed import Streamed
from setpoint.model.errors import SetpointError
from setpoint.model.ids import AppId
from setpoint.model.log import LogFilter
from setpoint.policy import logs as policy

LINES_DEFAULT, LINES_MAX = 100, 10_000

_encoder = msgspec.json.Encoder()


async def logs(call: Call) -> Response:
    """One JSON object a line, oldest first. Who says since when wants all there is since then."""
    unit = await find.app(call, leaving=True)
    query = call.request.query_params
    source, dyno, since = (query.get(name, "") for name in ("source", "dyno", "since"))
    only = policy.selected(unit.name, source, dyno, since, call.asked.at_s)
    lines = call.count("lines", LINES_MAX if since else LINES_DEFAULT, LINES_MAX)
    body = _log_lines(call, unit.id, lines, only, follow=call.flag("follow"))
    return Streamed(body, media_type="application/x-ndjson")


async def _log_lines(
    call: Call, app: AppId, lines: int, only: LogFilter, *, follow: bool
) -> AsyncGenerator[bytes, None]:
    """An error after the first byte can only be one more line."""
    try:
        async with aclosing(call.services.tails.logs(app, lines, follow, only)) as told:
            async for line in told:
                yield _encoder.encode(line) + b"\n"
    except SetpointError as error:
        yield _encoder.encode({"error": errors.body(error, call.asked.request_id)}) + b"\n"
