"""From how many apps on everything is looked at in a process of its own."""

from collections.abc import Mapping

from setpoint.formats.whole_number import whole_number

APART_FROM = "SETPOINT_SURVEYOR_FROM_APPS"
APPS, APPS_MAX = 2_000, 10_000_000
"""So many are looked at within ten milliseconds, which is no reason for another process."""


def apart_from(environment: Mapping[str, str]) -> int:
    """The default, but for what the operator said. Raises Invalid."""
    return whole_number(environment, APART_FROM, APPS, 0, APPS_MAX)
