"""New source for an app."""

import re

import msgspec

from setpoint.intents import setups
from setpoint.intents.door import Door, app_to, change
from setpoint.intents.setups import Begins, Begun
from setpoint.model.app import Source, Unit
from setpoint.model.change import Asked
from setpoint.model.errors import Invalid, NotFound
from setpoint.model.ids import Digest
from setpoint.policy import headroom, limits, names

VERB = "deploy"

_DIGEST_RE = re.compile(r"[0-9a-f]{64}")
_COMMIT_RE = re.compile(r"[0-9a-f]{40}")


async def deploy(
    door: Door,
    asked: Asked,
    name: str,
    digest: str,
    version: str = "",
    begins: Begins | None = None,
) -> Unit:
    """Source that was uploaded before. The same source again is a Change, and a build, of its own:
    somebody who deploys twice after a failure wants it tried again. `begins`: how an app does that
    was never released, which is part of the same Change."""
    unit = await app_to(door, asked, VERB, name)
    limits.check_version(name, version)
    headroom.check(f"deploy '{name}'", door.headroom(), door.retention)
    source = Source(await _uploaded(door, asked, name, digest), version)
    begun = Begun(unit.intent, {}, {})
    if begins is not None and not await door.store.releases(unit.id, 1):
        begun = setups.begun(door, unit, begins, asked.at_s)
    intent = msgspec.structs.replace(begun.intent, source=source, rollback_to=None)
    return await change(
        door,
        asked,
        VERB,
        f"Deploy {_shown(version) or digest[:8]}",
        unit,
        intent,
        begun.sealed,
        restated=("source.digest",),
        whys=begun.whys,
    )


def _shown(version: str) -> str:
    """A commit as Heroku names it; any other label as it is."""
    return version[:8] if _COMMIT_RE.fullmatch(version) else version


async def _uploaded(door: Door, asked: Asked, app: str, digest: str) -> Digest:
    if _DIGEST_RE.fullmatch(digest) is None:
        raise Invalid(f"cannot deploy '{app}': '{names.shortened(digest)}' is no sha256 digest")
    if not await door.store.hold_source(Digest(digest), asked.at_s):
        raise NotFound(
            f"cannot deploy '{app}': source {digest[:8]} was not uploaded",
            "upload it first (POST /sources), or use `setpoint deploy`, which does both",
        )
    return Digest(digest)
