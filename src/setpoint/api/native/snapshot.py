"""All that is known of the apps and holds no secret: what `setpoint rehearse --from-live` takes."""

from setpoint.api.call import Call
from setpoint.model.snapshot import Snapshot
from setpoint.views import snapshot


async def taken(call: Call) -> Snapshot:
    """`?app=NAME`: of that one only."""
    services = call.services
    return await snapshot.snapshot(
        services.store,
        call.asked.actor,
        services.capabilities(),
        services.installation.version,
        call.asked.at_s,
        call.request.query_params.get("app", ""),
    )
