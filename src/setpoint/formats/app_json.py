"""A project's app.json -> what of it is heeded here: the commands of `cron`. Pure.

Whether a schedule can be read is planning's to say, and the builder asks. Other keys say nothing
here yet; which there are is Heroku's business, so none is refused.
"""

import json
from dataclasses import dataclass
from typing import Any, cast

from setpoint.model.errors import Invalid
from setpoint.model.job import CronJob

FILE = "app.json"
BYTES_MAX = 256 * 1024
CRON_MAX = 20
COMMAND_BYTES_MAX = 16 * 1024
SCHEDULE_CHARS_MAX = 100
HINT = 'example: "cron": [{"schedule": "0 3 * * *", "command": "python nightly.py"}]'


@dataclass(frozen=True)
class AppJson:
    cron: tuple[CronJob, ...] = ()


def parse(text: str) -> AppJson:
    """Raises Invalid, naming the place in the file."""
    if len(text.encode()) > BYTES_MAX:
        raise _refused(f"it is longer than {BYTES_MAX // 1024} KiB", "")
    try:
        document: object = json.loads(text)
    except RecursionError:
        raise _refused("it is nested too deeply", "") from None
    except ValueError as error:
        raise _refused(f"it is not JSON: {error}", "") from None
    if not isinstance(document, dict):
        raise _refused("it is not a JSON object", "")
    return AppJson(_cron(cast("dict[str, object]", document).get("cron", [])))


def _cron(said: object) -> tuple[CronJob, ...]:
    if not isinstance(said, list):
        raise _refused("cron is not a list")
    entries = cast("list[object]", said)
    if len(entries) > CRON_MAX:
        raise _refused(f"cron has {len(entries)} entries, at most {CRON_MAX} are allowed")
    return tuple(_job(f"cron[{n}]", entry) for n, entry in enumerate(entries))


def _job(place: str, said: object) -> CronJob:
    if not isinstance(said, dict):
        raise _refused(f"{place} is not an object")
    entry = cast("dict[str, Any]", said)
    schedule = _words(f"{place}.schedule", entry.get("schedule"), SCHEDULE_CHARS_MAX)
    return CronJob(schedule, _words(f"{place}.command", entry.get("command"), COMMAND_BYTES_MAX))


def _words(place: str, said: object, bytes_max: int) -> str:
    if not isinstance(said, str) or not said.strip():
        raise _refused(f"{place} is not a text")
    size = len(said.encode("utf-8", "replace"))
    if size > bytes_max:
        raise _refused(f"{place} has {size} bytes, at most {bytes_max} are allowed")
    if "\0" in said or (not said.isascii() and not _encodes(said)):
        raise _refused(f"{place} holds what no command line can")
    return said.strip()


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refused(fact: str, hint: str = HINT) -> Invalid:
    return Invalid(f"cannot read {FILE}: {fact}", hint)
