"""What the agent remembers on disk, so that Envoy is served at once whoever else is down.

One small file per app: the last SetRoute (its invoke key in it, hence 0600) or, of a dropped route,
the DropRoute with its fence. Facts are one file; they are stale after a reboot and soon replaced.
What the disk has no room for is kept in mind, and routes hold all the same.
"""

import contextlib
import logging
from collections.abc import Iterable
from pathlib import Path

import msgspec

from setpoint.drivers.local.files import write_whole
from setpoint.formats import control
from setpoint.formats.control import DropRoute, SetRoute
from setpoint.model.process import SetFacts

TOMBSTONES_MAX = 1000
"""Ids are never reused; an old fence only matters while a delayed command may still arrive."""
_FACTS = "facts.json"

_log = logging.getLogger(__name__)


class Memory:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._facts_decoder = msgspec.json.Decoder(tuple[SetFacts, ...])
        self._unsaved: dict[str, bytes] = {}
        """file name -> content"""
        self._full = False

    def keep(self, message: SetRoute | DropRoute) -> None:
        """Replaces what was known of the app. Not synced: the daemon sends again what is lost."""
        app = message.route.app if isinstance(message, SetRoute) else message.app
        name = f"{app}.route"
        if isinstance(message, DropRoute):
            (self._folder / name).unlink(missing_ok=True)  # should there be no room for its fence
        self._save(name, control.encode(message))

    def save(self) -> None:
        """What could not be saved so far."""
        for name, content in list(self._unsaved.items()):
            self._save(name, content)

    def _save(self, name: str, content: bytes) -> None:
        try:
            write_whole(self._folder / name, content)
        except OSError as error:
            self._unsaved[name] = content
            if not self._full:
                _log.error("cannot save %s: %s; tried again until it can be", name, error.strerror)
        else:
            self._unsaved.pop(name, None)
        self._full = bool(self._unsaved)

    def routes(self) -> tuple[list[SetRoute], list[DropRoute]]:
        kept: list[SetRoute] = []
        dropped: list[DropRoute] = []
        newest_first = sorted(self._folder.glob("*.route"), key=_age, reverse=True)
        for path in newest_first:
            message = _read(path)
            if isinstance(message, SetRoute):
                kept.append(message)
            elif isinstance(message, DropRoute) and len(dropped) < TOMBSTONES_MAX:
                dropped.append(message)
            else:
                path.unlink(missing_ok=True)
        return kept, dropped

    def keep_facts(self, facts: Iterable[SetFacts]) -> None:
        self._save(_FACTS, msgspec.json.encode(tuple(facts)))

    def facts(self) -> tuple[SetFacts, ...]:
        with contextlib.suppress(OSError, msgspec.DecodeError):
            return self._facts_decoder.decode((self._folder / _FACTS).read_bytes())
        return ()


def _age(path: Path) -> float:
    return path.stat().st_mtime


def _read(path: Path) -> control.Request | None:
    """None for a file that a power cut or a newer version left unreadable."""
    try:
        return control.decode_request(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        _log.warning("cannot read %s: %s", path.name, error)
        return None
