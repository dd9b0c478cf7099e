"""Config vars: the document holds references, the store the sealed values."""

from collections.abc import Mapping, Sequence

import msgspec

from setpoint.intents import secrets
from setpoint.intents.door import Door, app_to, change
from setpoint.model.app import SecretRef, Unit
from setpoint.model.change import Asked
from setpoint.policy import limits

VERB = "configure"

KEYS_TOLD_MAX = 10
"""A summary becomes a release's description: one line."""


async def patch(door: Door, asked: Asked, name: str, changes: Mapping[str, str | None]) -> Unit:
    """Set, or unset where the value is None. What is so already is no Change."""
    unit = await app_to(door, asked, VERB, name)
    limits.check_config(name, changes)
    news = await _news(door, unit, changes)
    if not news:
        return unit
    config, sealed = _applied(door, unit, news)
    limits.check_config_count(name, config)
    intent = msgspec.structs.replace(unit.intent, config=config)
    return await change(door, asked, VERB, summary(news), unit, intent, sealed)


async def _news(door: Door, unit: Unit, changes: Mapping[str, str | None]) -> dict[str, str | None]:
    config = unit.intent.config
    current = await door.store.reveal({k: config[k] for k in changes if k in config})
    return {key: value for key, value in changes.items() if current.get(key) != value}


def _applied(
    door: Door, unit: Unit, news: Mapping[str, str | None]
) -> tuple[dict[str, SecretRef], dict[str, str]]:
    """The new references, and what is to be sealed under them."""
    config, sealed = dict(unit.intent.config), dict[str, str]()
    for key, value in news.items():
        before = config.pop(key, None)
        if value is not None:
            config[key] = secrets.next_ref(door, before)
            sealed[config[key].key] = value
    return config, sealed


def summary(news: Mapping[str, str | None]) -> str:
    """In Heroku's words: 'Set FOO, BAR config vars', 'Remove FOO config vars'."""
    put = [key for key, value in news.items() if value is not None]
    gone = [key for key, value in news.items() if value is None]
    done = (("Set", put), ("Remove", gone))
    return ", ".join(f"{verb} {_told(keys)} config vars" for verb, keys in done if keys)


def _told(keys: Sequence[str]) -> str:
    shown = ", ".join(keys[:KEYS_TOLD_MAX])
    left = len(keys) - KEYS_TOLD_MAX
    return f"{shown} and {left} more" if left > 0 else shown
