"""An app's source tree -> what it can run. Pure: the caller reads the files, this judges them.

The same answer for the command line (before an upload), the planner's draft and the builder.
"""

from collections.abc import Mapping

from setpoint.formats import procfile, project_toml, static_json
from setpoint.model.errors import Invalid
from setpoint.model.release import ProcessType

FUNCTIONS = "functions"
RUNTIMES = {"main.py": "python"}
"""The file at a function's root that tells its runtime. Package and build files tell the others:
those have no builder yet, and are refused by name."""
OTHER_RUNTIMES = {
    "package.json": "Node.js",
    "pom.xml": "Java",
    "build.gradle": "Java",
}
OTHER_APPS = frozenset(
    {
        *(*OTHER_RUNTIMES, "requirements.txt", "pyproject.toml", "Pipfile", "setup.py"),
        *("manage.py", "main.py", "Gemfile", "go.mod", "composer.json", "index.php", "Cargo.toml"),
    }
)
"""Files beside an index.html that tell of an app which is more than its files."""
HINT = (
    'a Procfile names processes, a project.toml with type = "function" a function, and an '
    "index.html is a static site"
)

SITE = ProcessType("web", "web", static_json.COMMAND, runtime="static")
ROOT_FILES = frozenset({procfile.FILE, static_json.FILE, static_json.INDEX, *OTHER_APPS})


def told_by(path: str) -> bool:
    """Is this file (relative, with /) one that `processes` wants to see?"""
    parts = path.split("/")
    if len(parts) == 1:
        return parts[0] in ROOT_FILES or _tells_function(parts[0])
    return len(parts) == 3 and parts[0] == FUNCTIONS and _tells_function(parts[2])


def read_whole(path: str) -> bool:
    """Is the text of this file needed, or only that it exists?"""
    return path.rpartition("/")[2] in (procfile.FILE, project_toml.FILE, static_json.FILE)


def processes(files: Mapping[str, str], where: str) -> tuple[ProcessType, ...]:
    """`files`: text by relative path, for every path `told_by` accepts. `where` is for messages.

    Raises Invalid when nothing can be run, or a file is malformed.
    """
    named = procfile.parse(files[procfile.FILE]) if procfile.FILE in files else ()
    found = (*named, *_functions(files))
    if _is_site(files, found):
        found = (SITE, *found)
    if not found:
        raise Invalid(f"cannot deploy {where}: no Procfile, project.toml or functions/ in it", HINT)
    _refuse_twins(found, where)
    return found


def _is_site(files: Mapping[str, str], found: tuple[ProcessType, ...]) -> bool:
    """A static.json is one wherever nobody else is `web`; an index.html only where it is alone."""
    if static_json.FILE in files and all(process.name != SITE.name for process in found):
        static_json.parse(files[static_json.FILE])
        return True
    alone = procfile.FILE not in files and not found and not OTHER_APPS & files.keys()
    return static_json.INDEX in files and alone


def _functions(files: Mapping[str, str]) -> tuple[ProcessType, ...]:
    tomls = sorted(p for p in files if p.rpartition("/")[2] == project_toml.FILE)
    functions = (_function(files, path) for path in tomls)
    return tuple(f for f in functions if f is not None)


def _function(files: Mapping[str, str], path: str) -> ProcessType | None:
    project = project_toml.parse(files[path], path)
    if project is None:
        return None
    folder = path.rpartition("/")[0]
    return ProcessType(
        name=project.id, kind="function", folder=folder, runtime=_runtime(files, folder)
    )


def _runtime(files: Mapping[str, str], folder: str) -> str:
    def has(name: str) -> bool:
        return (f"{folder}/{name}" if folder else name) in files

    for name, runtime in RUNTIMES.items():
        if has(name):
            return runtime
    shown = folder or "the project"
    for name, language in OTHER_RUNTIMES.items():
        if has(name):
            raise Invalid(f"cannot deploy {shown}: {language} functions have no builder here yet")
    raise Invalid(
        f"cannot deploy {shown}: a function needs a main.py",
        "write in it: async def function(event, context): ...",
    )


def _refuse_twins(found: tuple[ProcessType, ...], where: str) -> None:
    seen: dict[str, str] = {}
    for process in found:
        origin = process.folder or (process.kind == "function" and "project.toml") or "Procfile"
        if process.name in seen:
            raise Invalid(
                f"cannot deploy {where}: {process.name!r} is named by {seen[process.name]} "
                f"and by {origin}"
            )
        seen[process.name] = origin


def _tells_function(name: str) -> bool:
    return name == project_toml.FILE or name in RUNTIMES or name in OTHER_RUNTIMES
