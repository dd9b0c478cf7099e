"""What was asked for -> exact versions with hashes. A lock is a fact: the same question gets the
same answer for ever, without asking the index again."""

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from setpoint.drivers.builders import asking
from setpoint.drivers.builders import uv as tool
from setpoint.drivers.builders.asking import Question
from setpoint.drivers.builders.errors import CannotBuild
from setpoint.drivers.builders.sources import Source, Sources
from setpoint.drivers.builders.stack import Interpreter
from setpoint.drivers.builders.uv import Uv

VERSION = "2"
"""Part of every lock's key: raise it to have everything resolved anew."""
SCRATCH = ".asking-"
_PACKAGE = re.compile(r"^([a-z0-9][a-z0-9.-]*)==(\S+)")


class Lock(msgspec.Struct, frozen=True):
    """`text`: requirements with exact versions and hashes, of what has wheels. `sources`: what has
    none. `known`: nobody had to be asked."""

    text: str
    sources: tuple[Source, ...] = ()
    known: bool = False

    @property
    def packages(self) -> int:
        return len(self.sources) + len(_pins(self.text))


@dataclass(frozen=True)
class Resolver:
    """`folder` holds locks and lasts. `sources`: None where wheels alone will do."""

    uv: Uv
    python: Interpreter
    stack: str
    folder: Path
    sources: Sources | None

    def resolve(self, question: Question) -> Lock:
        """The stored answer, or a new one, stored. Raises CannotBuild."""
        file = self.folder / f"{self._key(question)}.json"
        if file.is_file():
            lock = msgspec.json.decode(file.read_bytes(), type=Lock)
            return msgspec.structs.replace(lock, known=True)
        lock = self._ask(question) if question.lines else Lock("")
        _store(file, msgspec.json.encode(lock))
        return lock

    def _key(self, question: Question) -> str:
        return _key(question, f"{self.stack} {self.sources is not None}", self.uv.settings)

    def _ask(self, question: Question) -> Lock:
        with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=self.folder) as scratch:
            text, found = asking.ask(self.uv, question, self.python, Path(scratch), self.sources)
        pins = _pins(text)
        sources = tuple(s for s in found if pins.get(s.name) == s.version)
        wheels = _without({s.name for s in sources}, text)
        for source in sources:
            _hold_to_hashes(question, source)
        return Lock(_narrowed(wheels, question), sources)


def _key(question: Question, stack: str, settings: Mapping[str, str]) -> str:
    """Where the operator's indexes say something else, the question is another one."""
    asked = question.requirements
    parts = (
        *(VERSION, stack, str(asked.prerelease)),
        *(settings.get(key, "") for key in (*tool.INDEX_SETTINGS, tool.FIND_LINKS)),
        *("wanted", *question.lines),
        *("constraints", *(r.line for r in asked.constraints)),
        *("overrides", *question.overrides),
        *("hashes", *(h for r in asked.wanted for h in (r.name, *sorted(r.hashes)))),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _narrowed(lock: str, question: Question) -> str:
    """Where the project itself gives hashes, only those count: installing then checks them."""
    given: dict[str, frozenset[str]] = {}
    for r in question.requirements.wanted:
        if r.hashes:  # a lock names several versions of one package, each for some machines
            given[r.name] = given.get(r.name, frozenset()) | r.hashes
    if not given:
        return lock
    kept: list[str] = []
    allowed: frozenset[str] | None = None
    for line in lock.replace(" \\\n", "\n").splitlines():
        package = _PACKAGE.match(line)
        if package:
            allowed = given.get(package[1])
            kept += [line, *(f"    --hash={h}" for h in sorted(allowed or ()))]
        elif allowed is None:
            kept.append(line)
    return re.sub(r"\n(?=    --hash)", " \\\\\n", "\n".join(kept)) + "\n"


def _hold_to_hashes(question: Question, source: Source) -> None:
    """The project's own hashes count for what is built from source as well."""
    given = {h for r in question.requirements.wanted if r.name == source.name for h in r.hashes}
    if given and f"sha256:{source.digest}" not in given:
        raise CannotBuild(
            f"the source of {source.label} is not the one whose hash was recorded",
            f"compare the hashes in {question.where} with those of the index",
        )


def _pins(text: str) -> dict[str, str]:
    """Version by package."""
    return {found[1]: found[2] for line in text.splitlines() if (found := _PACKAGE.match(line))}


def _without(names: set[str], text: str) -> str:
    """The lock without these packages and their hashes."""
    kept: list[str] = []
    keeping = True
    for line in text.splitlines(keepends=True):
        if package := _PACKAGE.match(line):
            keeping = package[1] not in names
        if keeping:
            kept.append(line)
    return "".join(kept)


def _store(file: Path, content: bytes) -> None:
    new = file.with_name(f".{file.name}.{os.getpid()}")
    new.write_bytes(content)
    new.replace(file)
