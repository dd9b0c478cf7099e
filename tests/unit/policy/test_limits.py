"""Bounds on inputs."""

import math

import msgspec
import pytest

from setpoint.model.app import CONFIG_KEYS_MAX, CONFIG_VALUE_BYTES_MAX, Formation
from setpoint.model.errors import Invalid, OverLimit, Refused
from setpoint.policy import limits


@pytest.mark.parametrize("key", ["", "A=B", "A\nB", "1A", "A-B", "A B", "Ä", "K" * 257, "A\0"])
def test_a_key_no_environment_can_carry_is_refused(key):
    with pytest.raises(Invalid, match="is not a valid config key"):
        limits.check_config("shop", {key: "x"})


def test_a_key_that_is_to_be_unset_is_checked_too():
    with pytest.raises(Invalid):
        limits.check_config("shop", {"A=B": None})


def test_a_value_may_be_as_long_as_the_limit_in_bytes_and_no_longer():
    limits.check_config("shop", {"A": "é" * (CONFIG_VALUE_BYTES_MAX // 2)})
    with pytest.raises(OverLimit, match="the value of A has 65537 bytes, at most 65536"):
        limits.check_config("shop", {"A": "é" * (CONFIG_VALUE_BYTES_MAX // 2) + "x"})


@pytest.mark.parametrize("value", ["sec\0ret", "sec\ud800ret"])
def test_a_value_that_is_no_text_is_refused_and_not_echoed(value):
    with pytest.raises(Invalid) as refused:
        limits.check_config("shop", {"A": value})
    assert "sec" not in str(refused.value)


def test_as_many_keys_as_the_limit_and_no_more():
    limits.check_config_count("shop", map(str, range(CONFIG_KEYS_MAX)))
    with pytest.raises(OverLimit, match="501 config vars, at most 500"):
        limits.check_config_count("shop", map(str, range(CONFIG_KEYS_MAX + 1)))


@pytest.mark.parametrize("quantity", [-1, 101, 1.5, "2", True, None, math.inf])
def test_a_quantity_is_a_whole_number_from_0_to_100(quantity):
    with pytest.raises(Invalid) as refused:
        limits.check_quantity("shop", "web", quantity)
    assert refused.value.message == (
        f"cannot scale 'shop': web={quantity} is not a whole number from 0 to 100"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"min": 2, "max": 1},
        {"max": 101},
        {"size": "huge"},
        {"idle_s": 0.0},
        {"idle_s": math.nan},
        {"idle_s": math.inf},
        {"boot_s_max": 601.0},
        {"boot_s_max": -1.0},
    ],
)
def test_a_formation_outside_its_bounds_is_refused(change):
    formation = Formation(0, 1)
    limits.check_formation("shop", "web", formation)

    with pytest.raises(Refused, match="cannot scale 'shop'"):
        limits.check_formation("shop", "web", msgspec.structs.replace(formation, **change))


@pytest.mark.parametrize("version", ["v" * 201, "a\nb", "\x1b[2J"])
def test_a_version_label_is_one_short_line(version):
    limits.check_version("shop", "release candidate 2 (é)")
    with pytest.raises(Invalid):
        limits.check_version("shop", version)
