"""Which file of a folder names the Python packages it needs, and which those are.

One file decides. Where several could, as a requirements.txt beside a uv.lock, Heroku refuses and so
do we: whichever were taken, somebody would look for the cause in the other one.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from setpoint.drivers.builders import pyproject, requirements, tree, uv_lock
from setpoint.drivers.builders.errors import CannotBuild
from setpoint.drivers.builders.locks import SCRATCH
from setpoint.drivers.builders.requirements import Requirements
from setpoint.drivers.builders.stack import Interpreter
from setpoint.drivers.builders.uv import Uv

MANAGERS = (requirements.FILE, uv_lock.FILE, "poetry.lock", "Pipfile.lock")
UNREAD = ("poetry.lock", "Pipfile.lock", "Pipfile", "setup.py", "environment.yml")
"""Where dependencies may be named without us reading them."""
READ = f"{requirements.FILE}, {uv_lock.FILE} and {pyproject.FILE}"


@dataclass(frozen=True)
class Named:
    """`where`: the file, by its path in the source; of no file, the one that could have been."""

    where: str
    asked: Requirements
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Desk:
    """What reading takes. `indexes`: those of the operator, which a project may repeat.
    `scratch`: where there is room for a moment."""

    root: Path
    uv: Uv
    python: Interpreter
    indexes: frozenset[str]
    scratch: Path

    def packages(self, folder: str) -> Named:
        """Of one folder of the source, '' for its root. Raises CannotBuild."""
        found = [name for name in MANAGERS if self._has(folder, name)]
        if len(found) > 1:
            raise CannotBuild(
                f"its packages are named in {' and in '.join(found)}, and only one of them counts",
                f"keep the one you maintain, and delete {' or '.join(found)}",
            )
        if self._has(folder, requirements.FILE):
            return self._requirements(folder)
        for name in UNREAD:
            if self._has(folder, name) and not self._has(folder, uv_lock.FILE):
                raise CannotBuild(
                    f"its dependencies are in {name}, but only {READ} are read",
                    f"write one of them, for example: pip freeze > {requirements.FILE}",
                )
        return self._project(folder)

    def _requirements(self, folder: str) -> Named:
        where = _in(folder, requirements.FILE)
        return Named(where, requirements.screen(where, self._text, self.indexes))

    def _project(self, folder: str) -> Named:
        where, lock = _in(folder, pyproject.FILE), _in(folder, uv_lock.FILE)
        data = tree.read(self.root, where, pyproject.BYTES_MAX)
        locked = tree.read(self.root, lock, uv_lock.BYTES_MAX)
        if data is None and locked is None:
            return Named(_in(folder, requirements.FILE), Requirements())
        if data is None:
            raise CannotBuild(f"there is a {lock}, but no {where} beside it", "deploy both")
        project = pyproject.read(where, data)
        warnings = tuple(_warnings(where, project))
        if locked is None and not project.depends and not project.foreign:
            return Named(where, Requirements(), warnings)
        pyproject.check_python(where, project.python, self.python.label)
        if locked is None:
            return Named(where, pyproject.wanted(where, project), warnings)
        with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=self.scratch) as scratch:
            asked = uv_lock.read(self.uv, lock, locked, project, Path(scratch))
        return Named(lock, asked, warnings)

    def _has(self, folder: str, name: str) -> bool:
        return (self.root / _in(folder, name)).exists()

    def _text(self, name: str) -> bytes | None:
        return tree.read(self.root, name, requirements.BYTES_MAX)


def _warnings(where: str, project: pyproject.Project):
    if project.packaged:
        yield (
            f"{where} makes a package of the project, which is not installed: its code is "
            "importable from the source's root, and its scripts are no commands"
        )


def _in(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
