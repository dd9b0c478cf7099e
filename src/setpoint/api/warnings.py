"""What somebody who changes an app should hear of, in the one header that Heroku's clients print.

`warning-message` is shown after answers of any kind, so it goes with changes alone: a warning after
each look is one that nobody reads.
"""

from contextlib import suppress

from setpoint.api.call import Call, Endpoint
from setpoint.model.errors import SetpointError
from setpoint.model.ids import AppId
from setpoint.planning.decisions import summary
from setpoint.store.port import Store
from setpoint.views import decisions

HEADER = "Warning-Message"


async def warn(endpoint: Endpoint, call: Call) -> None:
    """One line at most, where a bet that governs something of the app is due or lost."""
    asked = call.asked
    if endpoint.method == "GET" or asked.via != "heroku" or "{app}" not in endpoint.path:
        return
    with suppress(SetpointError):  # what was asked for is done, and that is the answer
        text = await _bets(call.services.store, call.param("app"), asked.at_s)
        if text:
            call.headers[HEADER] = text


async def _bets(store: Store, named: str, now_s: float) -> str:
    unit = await store.unit_named(named) or await store.unit(AppId(named))
    if unit is None:
        return ""
    found = await decisions.of_app(store, unit.id, now_s)
    told = summary((d for d in found if d.needs_a_look(now_s)), now_s)
    return f"{told}; see: setpoint bets {unit.name}" if told else ""
