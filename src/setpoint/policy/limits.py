"""Bounds on what may be asked for. Every input that reaches the store has one here."""

from collections.abc import Iterable, Mapping

from setpoint.model.app import (
    CONFIG_KEY_RE,
    CONFIG_KEYS_MAX,
    CONFIG_VALUE_BYTES_MAX,
    DYNO_SIZES,
    INSTANCES_MAX,
    Formation,
    ProcessKind,
)
from setpoint.model.errors import Invalid, OverLimit
from setpoint.model.job import JOBS_LIVE_MAX, RUN_S_MAX
from setpoint.policy.names import shortened

VERSION_CHARS_MAX = 200
CONFIG_KEY_CHARS_MAX = 256
IDLE_S_MIN, IDLE_S_MAX = 1.0, 7 * 24 * 3600.0
BOOT_S_MIN, BOOT_S_MAX = 1.0, 600.0
CONCURRENCY_MAX = 10_000
INVOCATIONS_MAX = 100
"""At once in one instance of a function: they share its memory, and one event loop."""
COMMAND_BYTES_MAX = 16 * 1024
JOB_ENV_KEYS_MAX = 100
RUN_S_MIN = 1.0


def check_config(app: str, patch: Mapping[str, str | None]) -> None:
    """Keys and values of a patch; None unsets. Values are never echoed."""
    for key, value in patch.items():
        _check_config_key(app, key)
        if value is not None:
            _check_config_value(app, key, value)


def check_config_count(app: str, keys: Iterable[str]) -> None:
    count = len(tuple(keys))
    if count > CONFIG_KEYS_MAX:
        raise OverLimit(
            f"cannot configure '{app}': {count} config vars, at most {CONFIG_KEYS_MAX} are allowed"
        )


def _check_config_key(app: str, key: str, verb: str = "configure") -> None:
    if CONFIG_KEY_RE.fullmatch(key) is None or len(key) > CONFIG_KEY_CHARS_MAX:
        raise Invalid(
            f"cannot {verb} '{app}': '{shortened(key)}' is not a valid config key",
            "keys hold letters, digits and underscores and do not start with a digit",
        )


def _check_config_value(app: str, key: str, value: str, verb: str = "configure") -> None:
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise Invalid(f"cannot {verb} '{app}': the value of {key} is not valid text") from None
    if size > CONFIG_VALUE_BYTES_MAX:
        raise OverLimit(
            f"cannot {verb} '{app}': the value of {key} has {size} bytes, "
            f"at most {CONFIG_VALUE_BYTES_MAX} are allowed"
        )
    if "\0" in value:
        raise Invalid(
            f"cannot {verb} '{app}': the value of {key} holds a NUL character",
            "no process environment can carry one; encode binary values, for example as base64",
        )


def check_quantity(app: str, process: str, quantity: object) -> None:
    """`quantity` as it came in: whatever a door could not read as a number arrives here as is."""
    if type(quantity) is not int or not 0 <= quantity <= INSTANCES_MAX:
        raise Invalid(
            f"cannot scale '{app}': {process}={shortened(str(quantity))} is not a whole number "
            f"from 0 to {INSTANCES_MAX}"
        )


def check_formation(app: str, process: str, formation: Formation) -> None:
    check_quantity(app, process, formation.min)
    check_quantity(app, process, formation.max)
    if formation.min > formation.max:
        raise Invalid(
            f"cannot scale '{app}': {process}={formation.min}..{formation.max} ends before it "
            "begins"
        )
    if formation.size not in DYNO_SIZES:
        raise Invalid(
            f"cannot scale '{app}': '{shortened(formation.size)}' is no dyno size",
            f"sizes: {', '.join(DYNO_SIZES)}",
        )
    _check_seconds(app, process, "idle_s", formation.idle_s, IDLE_S_MIN, IDLE_S_MAX)
    _check_seconds(app, process, "boot_s_max", formation.boot_s_max, BOOT_S_MIN, BOOT_S_MAX)


def check_concurrency(app: str, process: str, kind: ProcessKind, concurrency: int) -> None:
    """As it was said of a process type of this kind."""
    if kind not in ("web", "function"):
        raise Invalid(
            f"cannot scale '{app}': concurrency of {process} cannot be set: it answers no requests"
        )
    most = INVOCATIONS_MAX if kind == "function" else CONCURRENCY_MAX
    if not 1 <= concurrency <= most:
        raise Invalid(
            f"cannot scale '{app}': concurrency={concurrency} of {process} is not between 1 and "
            f"{most}"
        )


def _check_seconds(
    app: str, process: str, field: str, value: float, low: float, high: float
) -> None:
    if not low <= value <= high:  # also false for NaN
        raise Invalid(
            f"cannot scale '{app}': {field}={value:g} of {process} is not between "
            f"{low:g} and {high:g} seconds"
        )


def check_command(app: str, command: str) -> None:
    if not command.strip():
        raise Invalid(f"cannot run a command in '{app}': it is empty")
    try:
        size = len(command.encode())
    except UnicodeEncodeError:
        raise Invalid(f"cannot run a command in '{app}': it is not valid text") from None
    if size > COMMAND_BYTES_MAX:
        raise OverLimit(
            f"cannot run a command in '{app}': it has {size} bytes, at most {COMMAND_BYTES_MAX} "
            "are allowed",
            "put it into a file of the app",
        )
    if "\0" in command:
        raise Invalid(f"cannot run a command in '{app}': it holds a NUL character")


def check_job(app: str, size: str, environment: Mapping[str, str], run_s_max: float | None) -> None:
    """What goes with a command. Values of `environment` are never echoed."""
    verb = "run a command in"
    if size not in DYNO_SIZES:
        raise Invalid(
            f"cannot {verb} '{app}': '{shortened(size)}' is no dyno size",
            f"sizes: {', '.join(DYNO_SIZES)}",
        )
    for key, value in environment.items():
        _check_config_key(app, key, verb)
        _check_config_value(app, key, value, verb)
    if len(environment) > JOB_ENV_KEYS_MAX:
        raise OverLimit(
            f"cannot {verb} '{app}': {len(environment)} variables, at most {JOB_ENV_KEYS_MAX} "
            "are allowed"
        )
    if run_s_max is not None and not RUN_S_MIN <= run_s_max <= RUN_S_MAX:  # also false for NaN
        raise Invalid(
            f"cannot {verb} '{app}': run_s_max={run_s_max:g} is not between {RUN_S_MIN:g} and "
            f"{RUN_S_MAX:g} seconds"
        )


def check_release_phase(app: str, run_s_max: float) -> None:
    if not RUN_S_MIN <= run_s_max <= RUN_S_MAX:  # also false for NaN
        raise Invalid(
            f"cannot scale '{app}': {run_s_max:g} s for its release phase is not between "
            f"{RUN_S_MIN:g} and {RUN_S_MAX:g} seconds"
        )


def check_jobs_live(app: str, count: int) -> None:
    if count >= JOBS_LIVE_MAX:
        raise OverLimit(
            f"cannot run a command in '{app}': {count} run already, at most {JOBS_LIVE_MAX} "
            "at one time are allowed",
            f"`setpoint ps {app}` lists them, `setpoint stop {app} DYNO` ends one",
        )


def check_version(app: str, version: str) -> None:
    if len(version) > VERSION_CHARS_MAX or not version.isprintable():
        raise Invalid(
            f"cannot deploy '{app}': '{shortened(version)}' is not a valid version label",
            f"at most {VERSION_CHARS_MAX} printable characters",
        )
