"""What the operator said about retention, in the environment of `setpoint up`."""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from setpoint.model.app import MIB
from setpoint.model.errors import Invalid
from setpoint.model.retention import DAY_S, Retention

PREFIX = "SETPOINT_KEEP_"

_Setting = tuple[str, Callable[[int], object], int, int]

_SETTINGS: dict[str, _Setting] = {
    "RELEASES": ("releases", int, 1, 1000),
    "BUILD_DAYS": ("builds_s", lambda days: days * DAY_S, 1, 3650),
    "EVENT_DAYS": ("events_s", lambda days: days * DAY_S, 1, 3650),
    "JOURNAL_DAYS": ("journal_s", lambda days: days * DAY_S, 1, 3650),
    "JOBS": ("jobs", int, 100, 100_000),
    "JOB_DAYS": ("jobs_s", lambda days: days * DAY_S, 1, 3650),
    "CACHE_MIB": ("cache_bytes_max", lambda mib: mib * MIB, 0, 1024 * 1024),
    "FREE_PERCENT": ("free_share_min", lambda percent: percent / 100, 0, 90),
}
"""Name after the prefix -> (field, how a number becomes its value, least, most)."""


def retention(environment: Mapping[str, str]) -> Retention:
    """The defaults, but for what is said. Raises Invalid for anything that is not understood."""
    said = {key: text for key, text in environment.items() if key.startswith(PREFIX)}
    return replace(Retention(), **dict(_read(key, text) for key, text in said.items()))


def _read(key: str, text: str) -> tuple[str, object]:
    setting = _SETTINGS.get(key.removeprefix(PREFIX))
    if setting is None:
        known = ", ".join(PREFIX + name for name in _SETTINGS)
        raise Invalid(
            f"cannot start Setpoint: there is no setting {key[:80]}", f"there are {known}"
        )
    field, value, least, most = setting
    if not (text.isascii() and text.isdecimal() and least <= int(text[:18]) <= most):
        raise Invalid(
            f"cannot start Setpoint: {key}={text[:40]!r} is not a whole number "
            f"from {least} to {most}"
        )
    return field, value(int(text))
