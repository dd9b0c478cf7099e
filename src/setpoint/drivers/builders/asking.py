"""One question put to uv: which versions, with which hashes."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from setpoint.drivers.builders import sdists, stubs
from setpoint.drivers.builders import uv as tool
from setpoint.drivers.builders.errors import CannotBuild
from setpoint.drivers.builders.requirements import Requirements
from setpoint.drivers.builders.sources import Source, Sources
from setpoint.drivers.builders.stack import Interpreter
from setpoint.drivers.builders.uv import Outcome, Reason, Uv

PIN = "pin a version that has a wheel, or put the package's code into the source"
STUBS = "stubs"
TRIES_MAX = 12
"""sdists looked into for one question"""


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


def ask(
    uv: Uv, question: Question, python: Interpreter, scratch: Path, sources: Sources | None
) -> tuple[str, list[Source]]:
    """(uv's answer, every sdist that stood in for a wheel). `scratch`: an empty folder; `sources`:
    None where wheels alone will do. Raises CannotBuild."""
    return _Asking(uv, question, python, scratch, sources).run()


@dataclass(frozen=True)
class _Asking:
    """One question on its way. Nothing is built to learn what it needs: that would run its code.

    Where only an sdist would do, what it says of itself stands in for a wheel, and uv is asked
    again.
    """

    uv: Uv
    question: Question
    python: Interpreter
    scratch: Path
    sources: Sources | None

    def run(self) -> tuple[str, list[Source]]:
        """(uv's answer, every sdist that stood in). Raises CannotBuild."""
        found: list[Source] = []
        while True:
            outcome = self._compile(bool(found))
            if outcome.ok:
                return outcome.output, found
            more = self._stand_ins(outcome, found)
            if not more:
                raise _refusal(outcome, self.question.where, self.python)
            found += more

    def _compile(self, stand_ins: bool) -> Outcome:
        constraints = [r.line for r in self.question.requirements.constraints]
        uv = self.uv.seeing(self.scratch / STUBS) if stand_ins else self.uv
        return uv.run(
            *("pip", "compile", "--no-header", "--no-annotate", "--no-build"),
            *("--generate-hashes", "--python", self.python.path),
            *("--constraints", self._written(".constraints", constraints)),
            *("--overrides", self._written(".overrides", self.question.overrides)),
            *(("--prerelease", "allow") if self.question.requirements.prerelease else ()),
            self._written(_named(self.question.where), self.question.lines),
            folder=str(self.scratch),
        )

    def _stand_ins(self, outcome: Outcome, found: list[Source]) -> list[Source]:
        """One more version of each package that uv names as source only."""
        sources = self.sources
        if sources is None or outcome.reason is not Reason.SOURCE_ONLY or len(found) >= TRIES_MAX:
            return []
        more: list[Source] = []
        for name in tool.source_only(outcome.errors):
            older = [f"{s.name}<{s.version}" for s in found if s.name == name]
            bounds = (*self._bounds(name), *older)
            source = sources.find(self.uv, self.python, self.scratch, name, bounds)
            if source is not None:
                declared = sdists.read(sources.fetch(source), source.label)
                stubs.put(self.scratch / STUBS, source.name, source.version, declared)
                more.append(source)
        return more

    def _bounds(self, name: str) -> Iterable[str]:
        asked = self.question.requirements
        yield from (r.line for r in (*asked.wanted, *asked.constraints) if r.name == name)

    def _written(self, name: str, lines: Iterable[str]) -> str:
        return _written(self.scratch, name, lines)


def _named(where: str) -> str:
    """uv reads a file by its name: what is written here is a requirements.txt, always."""
    return where if where.endswith(".txt") else f"{where}.txt"


def _written(folder: Path, name: str, lines: Iterable[str]) -> str:
    """Its name as seen from `folder`, so that uv names the project's file in its messages."""
    file = folder / name
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
        f"{names} has no wheel for Python {version} on {python.machine}, and no source that can "
        "be built instead",
        PIN,
        outcome,
    )


def _failed(fact: str, hint: str, outcome: Outcome, *, user_error: bool = True) -> CannotBuild:
    return CannotBuild(fact, hint, tool=tool.told(outcome.errors), user_error=user_error)
