"""Whole numbers that the operator says in the environment."""

from collections.abc import Mapping

from setpoint.model.errors import Invalid


def whole_number(
    environment: Mapping[str, str], name: str, default: int, least: int, most: int
) -> int:
    """Raises Invalid for what is not one, or out of bounds."""
    text = environment.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and least <= int(text[:9]) <= most):
        raise Invalid(
            f"cannot start Setpoint: {name}={text[:40]!r} is not a whole number "
            f"from {least} to {most}"
        )
    return int(text)
