"""The doors through which plaintext leaves memory for a person: config vars and the invoke key."""

from setpoint.model.app import Unit
from setpoint.model.change import Actor
from setpoint.model.release import Release
from setpoint.policy import access
from setpoint.store.port import Store
from setpoint.views import lookup


async def config(store: Store, actor: Actor, name: str) -> dict[str, str]:
    """Values by key, keys in order."""
    unit = await lookup.app_to(store, actor, "read the config vars of", name)
    return await store.reveal(dict(sorted(unit.intent.config.items())))


async def release_config(store: Store, actor: Actor, name: str, release: Release) -> dict[str, str]:
    """What a release that can be gone back to was cut with."""
    await lookup.app_to(store, actor, "read the config vars of", name)
    return await store.reveal(dict(sorted(release.config.items())))


async def certificate(store: Store, actor: Actor, unit: Unit, name: str) -> str:
    """Chain and key as PEM. What goes out of the door is the chain alone."""
    access.admit(actor, "see", unit)
    return (await store.reveal({"pem": unit.intent.certificates[name].pem}))["pem"]


async def invoke_key(store: Store, actor: Actor, name: str) -> str:
    """'' for an app that has none."""
    unit = await lookup.app_to(store, actor, "invoke", name)
    key = unit.intent.invoke_key
    return (await store.reveal({"key": key}))["key"] if key is not None else ""
