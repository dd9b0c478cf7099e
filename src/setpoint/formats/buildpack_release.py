"""What a buildpack's bin/release says: YAML with default processes and default config. Pure."""

from collections.abc import Mapping
from typing import Any, cast

import yaml

from setpoint.formats import procfile
from setpoint.model.app import CONFIG_KEY_RE, PROCESS_RE
from setpoint.model.errors import Invalid
from setpoint.model.release import ProcessType

BYTES_MAX = 64 * 1024
ENTRIES_MAX = 50


def parse(data: bytes) -> tuple[tuple[ProcessType, ...], dict[str, str]]:
    """(default processes, default config vars). Raises Invalid. Add-ons are passed over."""
    document = _document(data)
    processes = tuple(
        ProcessType(name, procfile.kind_of(name), command)
        for name, command in _entries(document, "default_process_types").items()
    )
    for process in processes:
        if not PROCESS_RE.fullmatch(process.name) or not process.command.strip():
            raise _refused(f"{process.name[:60]!r} is no process with a command")
    config = _entries(document, "config_vars")
    for key in config:
        if not CONFIG_KEY_RE.fullmatch(key):
            raise _refused(f"{key[:60]!r} is no name of a config var")
    return processes, config


def _document(data: bytes) -> Mapping[str, Any]:
    if len(data) > BYTES_MAX:
        raise _refused(f"it is longer than {BYTES_MAX // 1024} KiB")
    try:
        document = yaml.load(data.decode("utf-8"), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise _refused(f"it is not YAML ({str(error).splitlines()[0]})") from None
    if document in (None, ""):
        return {}
    if not isinstance(document, dict):
        raise _refused("it is no mapping")
    return cast(dict[str, Any], document)


def _entries(document: Mapping[str, Any], key: str) -> dict[str, str]:
    value = document.get(key) or {}
    if not isinstance(value, dict) or len(value) > ENTRIES_MAX:
        raise _refused(f"its {key} are no mapping of at most {ENTRIES_MAX} entries")
    for name, text in value.items():
        if not isinstance(name, str) or not isinstance(text, str) or "\0" in name + text:
            raise _refused(f"its {key} hold what is no text")
    return cast(dict[str, str], value)


def _refused(fact: str) -> Invalid:
    return Invalid(f"cannot read what bin/release says: {fact}", "ask whoever made the buildpack")
