"""The folder a deploy or a plan is about: is it one, what does it name, what is it called?"""

import contextlib
import re
from pathlib import Path

from setpoint.cli.archive import ignored, members
from setpoint.cli.client import Unreachable, path
from setpoint.cli.command import Here
from setpoint.formats import (
    app_json,
    package_json,
    procfile,
    project,
    project_toml,
    slugignore,
    static_json,
)
from setpoint.model.errors import Invalid
from setpoint.model.job import CronJob
from setpoint.model.release import ProcessType

NAME_CHARS_MAX = 30
BYTES_MAX = max(
    procfile.BYTES_MAX, project_toml.BYTES_MAX, static_json.BYTES_MAX, package_json.BYTES_MAX
)


def folder(said: str, verb: str = "deploy") -> Path:
    path = Path(said)
    if not path.is_dir():
        fact = "it is not a folder" if path.exists() else "there is no such folder"
        raise Invalid(f"cannot {verb} {said}: {fact}")
    return path.resolve()


def processes(folder: Path) -> tuple[ProcessType, ...]:
    """What the files in it name. Raises Invalid, with the line where there is one."""
    told = {inside: path for inside, path in members(folder) if project.told_by(inside)}
    return project.processes({i: _text(i, p) for i, p in told.items()}, str(folder))


def processes_of(here: Here, app: str, folder: Path) -> tuple[ProcessType, ...]:
    """The same for an app; () where only its buildpacks can tell. Raises Invalid."""
    try:
        return processes(folder)
    except Invalid:
        with contextlib.suppress(Unreachable):
            if here.client.get_or_none(path("apps", app, "buildpack-installations")):
                return ()
        raise


def schedule(folder: Path) -> tuple[CronJob, ...]:
    """The commands of its app.json, as the builder would read them. Raises Invalid."""
    from setpoint.planning.schedule import check_jobs

    path = folder / app_json.FILE
    if not path.is_file() or slugignore.leaves_out(ignored(folder), app_json.FILE):
        return ()
    found = app_json.parse(_read(app_json.FILE, path, app_json.BYTES_MAX)).cron
    check_jobs(found, f"{app_json.FILE}: cron")
    return found


def _text(inside: str, path: Path) -> str:
    return _read(inside, path, BYTES_MAX) if project.read_whole(inside) else ""


def _read(inside: str, path: Path, bytes_max: int) -> str:
    try:
        with path.open("rb") as file:
            return file.read(bytes_max + 1).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(f"cannot read {inside}: it is not UTF-8", "save it as UTF-8") from None
    except OSError as error:
        raise Invalid(f"cannot read {inside}: {error.strerror}") from None


def name_for(folder: Path) -> str:
    """An app's name made from the folder's: the same every time, always a valid one."""
    text = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")
    if not text or not text[0].isalpha():
        text = f"app-{text}".rstrip("-")
    if len(text) < 3:
        text = f"{text}-app"
    return text[:NAME_CHARS_MAX].rstrip("-")
