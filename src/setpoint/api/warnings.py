"""What somebody who changes an app should hear of, in the one header that Heroku's clients print.

`warning-message` is shown after answers of any kind, so it goes with changes alone: a warning after
each look is one that nobody reads.
"""

from collections.abc import Sequence
from contextlib import suppress

from setpoint.api.call import Call, Endpoint
from setpoint.model.app import Unit
from setpoint.model.capability import Unmet
from setpoint.model.errors import SetpointError
from setpoint.model.ids import AppId
from setpoint.model.text import printable
from setpoint.planning.decisions import summary
from setpoint.views import decisions, gaps

HEADER = "Warning-Message"


async def warn(endpoint: Endpoint, call: Call) -> None:
    """One line at most: of what the app is meant to be that cannot be had, and that a bet on
    something of it is due or lost."""
    asked = call.asked
    if endpoint.method == "GET" or asked.via != "heroku" or "{app}" not in endpoint.path:
        return
    with suppress(SetpointError):  # what was asked for is done, and that is the answer
        store, named = call.services.store, call.param("app")
        unit = await store.unit_named(named) or await store.unit(AppId(named))
        told = [await _unmet(call, unit), await _bets(call, unit)] if unit is not None else []
        text = "; ".join(filter(None, (call.headers.get(HEADER, ""), *told)))
        if text:
            call.headers[HEADER] = text.encode("ascii", "replace").decode()


async def _unmet(call: Call, unit: Unit) -> str:
    services = call.services
    found: Sequence[Unmet] = await gaps.ungranted(
        services.store, unit, services.capabilities(), call.asked.at_s
    )
    if not found:
        return ""
    first, *others = found
    more = f" and {len(others)} more" if others else ""
    fact = printable(f"{first.path}: wanted {first.wanted}, offered {first.offered}")
    return f"unmet: {fact}{more}; see: setpoint gaps {unit.name}"


async def _bets(call: Call, unit: Unit) -> str:
    now_s = call.asked.at_s
    found = await decisions.of_app(call.services.store, unit.id, now_s)
    told = summary((d for d in found if d.needs_a_look(now_s)), now_s)
    return f"{told}; see: setpoint bets {unit.name}" if told else ""
