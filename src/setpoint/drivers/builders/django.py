"""Django's static files, collected as Heroku does it: where there is a manage.py and Django is
among the packages. It runs the app's settings, so it happens in the app's sandbox, with its config.
"""

from dataclasses import dataclass
from pathlib import Path

from setpoint.drivers.builders import on_tree
from setpoint.drivers.builders.errors import CannotBuild
from setpoint.drivers.builders.on_tree import OnTree
from setpoint.formats.handover import Work
from setpoint.model.ids import Digest
from setpoint.model.release import BuildRequest

MANAGE = "manage.py"
DEPTH_MAX = 3
SWITCH = "DISABLE_COLLECTSTATIC"
"""A config var that is there at all switches it off, as on Heroku."""
UNKNOWN = "Unknown command: 'collectstatic'"
"""Django's words where the app does without django.contrib.staticfiles"""


@dataclass(frozen=True)
class Collecting:
    """`handover`: the folder shared with the run stage. `manage`: path of manage.py in the source.
    `layer`: the app's packages."""

    request: BuildRequest
    handover: Path
    manage: str
    layer: Digest

    @property
    def command(self) -> str:
        return f"python {self.manage} collectstatic --noinput"

    def run(self, root: Path, source: str, into: Path) -> bool:
        """Fill the new folder `into` with the source and its static files. False: nothing to do.

        Raises CannotBuild, NeedsRunStage.
        """
        request = self.request
        work = Work(
            on_tree.key(request.app, request.stack, "collectstatic", source, self.layer),
            f"Collecting static files: {self.command}",
            (self.command,),
            self.layer,
            {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"},
            configured="env",
        )
        try:
            OnTree(self.handover).run(work, root, into)
        except CannotBuild as error:
            if UNKNOWN in error.tool:
                return False
            off = f"setpoint config {request.app_name} {SWITCH}=1, and deploy again"
            hint = f"{error.hint}; to go without: {off}".removeprefix("; ")
            raise CannotBuild(
                error.message, hint, tool=error.tool, user_error=error.user_error
            ) from None
        return True


def find(root: Path, packages: Path) -> str:
    """Path of the manage.py nearest to the root, or '' where this is no Django app. `packages`: the
    app's layer."""
    if not any(packages.glob("lib/python*/site-packages/django/__init__.py")):
        return ""
    for depth in range(DEPTH_MAX):
        for path in sorted(root.glob("*/" * depth + MANAGE)):
            inside = path.relative_to(root).as_posix()
            if path.is_file() and not path.is_symlink() and _plain(inside):
                return inside
    return ""


def _plain(path: str) -> bool:
    """It becomes part of a shell line."""
    return all(char.isalnum() or char in "/._-" for char in path) and path.isascii()
