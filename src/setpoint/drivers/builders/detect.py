"""What an unpacked source tree is: the processes it names, or why it cannot be built here.

Reads files; what they mean is decided in `formats/project.py`.
"""

import re
from pathlib import Path

from setpoint.drivers.builders import requirements, tree
from setpoint.drivers.builders.errors import CannotBuild
from setpoint.formats import (
    app_json,
    app_setup,
    package_json,
    procfile,
    project,
    project_toml,
    static_json,
)
from setpoint.model.errors import Invalid
from setpoint.model.job import CronJob
from setpoint.model.release import ProcessType, Wish
from setpoint.model.text import printable
from setpoint.planning.schedule import check_jobs

PROPERTIES = "system.properties"
PROPERTIES_BYTES_MAX = 4096
_JAVA = re.compile(r"^\s*java\.runtime\.version\s*=\s*([\w.+-]{1,40})\s*$", re.MULTILINE)

OTHER_LANGUAGES = {
    "Gemfile": "Ruby",
    "go.mod": "Go",
    "pom.xml": "Java",
    "composer.json": "PHP",
    "Cargo.toml": "Rust",
}


def processes(root: Path, app: str) -> tuple[ProcessType, ...]:
    """Without layers yet. Raises CannotBuild."""
    try:
        found = project.processes(_telling(root), app)
    except Invalid as error:
        fact = error.message.removeprefix(f"cannot deploy {app}: ")
        raise CannotBuild(fact, error.hint) from None
    _refuse_what_would_be_missed(root)
    return found


def _telling(root: Path) -> dict[str, str]:
    sizes = (m.BYTES_MAX for m in (procfile, project_toml, static_json, package_json))
    bytes_max = 1 + max(sizes)
    telling: dict[str, str] = {}
    for name in filter(project.told_by, tree.files(root)):
        data = tree.read(root, name, bytes_max) if project.read_whole(name) else b""
        telling[name] = _text(name, data or b"")
    return telling


def left_out(root: Path) -> tuple[Wish, ...]:
    """Functions in languages that nobody builds here, beside others that are built."""
    java = [f for f, language in project.left_out(_telling(root)).items() if language == "Java"]
    if not java:
        return ()
    wanted = next(filter(None, (_java_version(root, folder) for folder in java)), "")
    names = ", ".join(printable(folder) or "the project itself" for folder in java)
    told = f"{names}: Java functions have no builder here, so what is in there is left out"
    return (Wish("source.java", "java_versions", f"Java {wanted}".strip(), "none", told),)


def _java_version(root: Path, folder: str) -> str:
    """As Heroku reads it: `java.runtime.version=17` in system.properties."""
    data = tree.read(root, f"{folder}/{PROPERTIES}" if folder else PROPERTIES, PROPERTIES_BYTES_MAX)
    found = _JAVA.search((data or b"").decode("utf-8", errors="replace"))
    return found[1] if found is not None else ""


def schedule(root: Path) -> tuple[CronJob, ...]:
    """The commands of app.json's `cron`. Raises CannotBuild."""
    data = tree.read(root, app_json.FILE, app_json.BYTES_MAX + 1)
    if data is None:
        return ()
    try:
        found = app_json.parse(_text(app_json.FILE, data)).cron
        check_jobs(found, f"{app_json.FILE}: cron")
    except Invalid as error:
        raise CannotBuild(error.message, error.hint) from None
    return found


def addons(root: Path) -> tuple[str, ...]:
    """Warnings: what app.json wants and nobody can give it here."""
    data = tree.read(root, app_json.FILE, app_json.BYTES_MAX + 1)
    try:
        wanted = app_setup.parse(data).addons if data is not None else ()
    except Invalid:
        return ()
    return tuple(
        f"app.json wants the add-on {printable(plan)[:60]}: add-ons are not there yet; run the "
        "service elsewhere and put its URL into a config var"
        for plan in wanted
    )


def _text(name: str, data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CannotBuild(f"{name} is not UTF-8", "save it as UTF-8") from None
    if "\0" in text:
        raise CannotBuild(f"{name} holds zero bytes", "save it as UTF-8, not UTF-16")
    return text


def _refuse_what_would_be_missed(root: Path) -> None:
    """An app that starts without what it needs fails later, and tells less."""
    if (root / requirements.FILE).exists() or (root / project_toml.FILE).exists():
        return
    if project.is_node(set(tree.files(root))):
        return
    for name, language in OTHER_LANGUAGES.items():
        if (root / name).exists() and not any(root.glob("*.py")):
            raise CannotBuild(
                f"{name} tells of a {language} app, and only Python and Node.js apps can be built"
            )
