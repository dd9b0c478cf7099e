"""What a mutant is: one guard of the source, and what stands in its place."""

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

SRC = Path(__file__).parents[2] / "src"


class GuardMoved(Exception):
    """The text that a mutant replaces is not in the source, or more than once."""


@dataclass(frozen=True)
class Mutant:
    """`file`: below src/setpoint. `old` becomes `new` there. `guards`: what is lost by it.

    `by`: the tests that must fail; None: the simulation.
    """

    name: str
    guards: str
    file: str
    old: str
    new: str
    by: str | None = None

    @property
    def module(self) -> str:
        parts = ("setpoint", *Path(self.file).with_suffix("").parts)
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def path(self) -> Path:
        return SRC / "setpoint" / self.file

    def mutated(self) -> str:
        """The file as it would read. Raises GuardMoved."""
        source = self.path.read_text()
        if (found := source.count(self.old)) != 1:
            raise GuardMoved(f"{self.name}: {self.file} holds its guard {found} times, not once")
        return source.replace(self.old, self.new)


def install(mutant: Mutant) -> None:
    """From now on this process imports the mutant instead. Nothing on the disk changes."""
    if mutant.module in sys.modules:
        raise AssertionError(f"{mutant.module} was imported before it was mutated")
    sys.meta_path.insert(0, _Finder(mutant))


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: object = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._mutant.module:
            return None
        return importlib.util.spec_from_file_location(
            fullname, self._mutant.path, loader=_Loader(fullname, self._mutant)
        )


class _Loader(importlib.machinery.SourceFileLoader):
    """Compiles what the mutant reads like, and leaves the cache of bytecode alone."""

    def __init__(self, fullname: str, mutant: Mutant) -> None:
        super().__init__(fullname, str(mutant.path))
        self._code = compile(mutant.mutated(), str(mutant.path), "exec")

    def get_code(self, fullname: str):
        return self._code
