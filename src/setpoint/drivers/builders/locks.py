"""What was asked for -> exact versions with hashes. A lock is a fact: the same question gets the
same answer for ever, without asking the index again."""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from setpoint.drivers.builders import uv as tool
from setpoint.drivers.builders.errors import CannotBuild
from setpoint.drivers.builders.requirements import Requirements
from setpoint.drivers.builders.stack import Interpreter
from setpoint.drivers.builders.uv import Outcome, Reason, Uv

VERSION = "1"
"""Part of every lock's key: raise it to have everything resolved anew."""
_PACKAGE = re.compile(r"^([a-z0-9][a-z0-9.-]*)==(\S+)")


@dataclass(frozen=True)
class Question:
    """`where`: the file asked about, for messages. `extra`: what the runtime adds to it."""

    where: str
    requirements: Requirements
    extra: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        return (*(r.line for r in self.requirements.wanted), *self.extra)


@dataclass(frozen=True)
class Lock:
    """`text`: requirements with exact versions and hashes. `known`: nobody had to be asked."""

    text: str
    known: bool

    @property
    def packages(self) -> int:
        return sum(1 for line in self.text.splitlines() if _PACKAGE.match(line))


def resolve(uv: Uv, question: Question, python: Interpreter, stack: str, folder: Path) -> Lock:
    """The stored answer, or a new one, stored. `folder` holds locks and lasts.

    Raises CannotBuild.
    """
    file = folder / f"{_key(question, stack, uv.settings)}.txt"
    if file.is_file():
        return Lock(file.read_text(encoding="utf-8"), known=True)
    text = _narrowed(_ask(uv, question, python, folder), question) if question.lines else ""
    _store(file, text)
    return Lock(text, known=False)


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


def _ask(uv: Uv, question: Question, python: Interpreter, folder: Path) -> str:
    """No package is built to learn what it needs: that would run its code."""
    with tempfile.TemporaryDirectory(prefix=".asking-", dir=folder) as scratch:
        constraints = [r.line for r in question.requirements.constraints]
        outcome = uv.run(
            *("pip", "compile", "--no-header", "--no-annotate", "--no-build"),
            *("--generate-hashes", "--python", python.path),
            *("--constraints", _written(scratch, ".constraints", constraints)),
            *("--overrides", _written(scratch, ".overrides", question.overrides)),
            *(("--prerelease", "allow") if question.requirements.prerelease else ()),
            _written(scratch, question.where, question.lines),
            folder=scratch,
        )
    if not outcome.ok:
        raise _refusal(outcome, question.where, python)
    return outcome.output


def _written(folder: str, name: str, lines: Iterable[str]) -> str:
    """Its name as seen from `folder`, so that uv names the project's file in its messages."""
    file = Path(folder) / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return name


def _refusal(outcome: Outcome, where: str, python: Interpreter) -> CannotBuild:
    match outcome.reason:
        case Reason.SOURCE_ONLY:
            return needs_build(outcome, python)
        case Reason.INDEX_UNREACHABLE:
            hint = "is the network there? the operator sets indexes, proxies and certificates"
            return _failed("the package index cannot be reached", hint, outcome, user_error=False)
        case Reason.MACHINE:
            return _failed(f"{where} could not be resolved here", "", outcome, user_error=False)
        case Reason.UNSATISFIABLE:
            return _failed(f"{where} cannot be satisfied", "", outcome)
        case Reason.UNKNOWN_PACKAGE:
            return _failed(f"{where} names a package that the index does not have", "", outcome)
        case _:
            return _failed(f"{where} cannot be read by uv", "", outcome)


def needs_build(outcome: Outcome, python: Interpreter) -> CannotBuild:
    """Building one runs its code, which nothing in this stage may do."""
    names = ", ".join(tool.source_only(outcome.errors)) or "a package"
    version = ".".join(map(str, python.version[:2]))
    return _failed(
        f"{names} has no wheel for Python {version} on {python.machine}, and packages that are "
        "published as source only cannot be built yet",
        "pin a version that has a wheel, or put the package's code into the source",
        outcome,
    )


def _failed(fact: str, hint: str, outcome: Outcome, *, user_error: bool = True) -> CannotBuild:
    return CannotBuild(fact, hint, tool=tool.told(outcome.errors), user_error=user_error)


def _narrowed(lock: str, question: Question) -> str:
    """Where the project itself gives hashes, only those count: installing then checks them."""
    given = {r.name: r.hashes for r in question.requirements.wanted if r.hashes}
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


def _store(file: Path, text: str) -> None:
    new = file.with_name(f".{file.name}.{os.getpid()}")
    new.write_text(text, encoding="utf-8")
    new.replace(file)
