"""What lies on the disk, and putting it in order."""

import msgspec

from setpoint.api.call import Call
from setpoint.intents import collection
from setpoint.model.retention import Collection, Disk


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`dry_run`: only tell what would go."""

    dry_run: bool = False


async def info(call: Call) -> Disk:
    return call.services.disk()


async def collect(call: Call, body: Wish) -> Collection:
    return await collection.collect(call.asked, call.services.collect, dry_run=body.dry_run)
