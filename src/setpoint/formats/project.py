"""An app's source tree -> what it can run. Pure: the caller reads the files, this judges them.

The same answer for the command line (before an upload), the planner's draft and the builder.
"""

from collections.abc import Collection, Mapping

from msgspec.structs import replace

from setpoint.formats import package_json, procfile, project_toml, static_json
from setpoint.model.errors import Invalid
from setpoint.model.release import NODEJS, PYTHON, ProcessType

FUNCTIONS = "functions"
RUNTIMES = {"main.py": PYTHON, package_json.FILE: NODEJS}
"""The file at a function's root that tells its runtime. Build files tell the others: those have no
builder yet, and are left out, or refused where nothing else is there."""
OTHER_RUNTIMES = {
    "pom.xml": "Java",
    "build.gradle": "Java",
}
OTHER_APPS = frozenset(
    {
        *(
            *OTHER_RUNTIMES,
            "requirements.txt",
            "pyproject.toml",
            "Pipfile",
            "setup.py",
            "manage.py",
        ),
        *("main.py", package_json.FILE, "Gemfile", "go.mod", "composer.json", "index.php"),
        "Cargo.toml",
    }
)
"""Files beside an index.html that tell of an app which is more than its files."""
PYTHON_SIGNS = frozenset(
    {
        *("requirements.txt", "pyproject.toml", "setup.py", "Pipfile", "poetry.lock", "uv.lock"),
        *(".python-version", "runtime.txt", "manage.py"),
    }
)
"""Any of them at the root: a Python app, whatever package.json lies beside it for its front end."""
SERVER = "server.js"
"""what `npm start` runs where nothing else is said"""
HINT = (
    "a Procfile names processes, package.json with a start script a web process, a project.toml "
    'with type = "function" a function, and an index.html is a static site'
)

SITE = ProcessType("web", "web", static_json.COMMAND, runtime="static")
ROOT_FILES = frozenset(
    {procfile.FILE, static_json.FILE, static_json.INDEX, SERVER, *OTHER_APPS, *PYTHON_SIGNS}
)


def told_by(path: str) -> bool:
    """Is this file (relative, with /) one that `processes` wants to see?"""
    parts = path.split("/")
    if len(parts) == 1:
        return parts[0] in ROOT_FILES or _tells_function(parts[0])
    return len(parts) == 3 and parts[0] == FUNCTIONS and _tells_function(parts[2])


def read_whole(path: str) -> bool:
    """Is the text of this file needed, or only that it exists?"""
    name = path.rpartition("/")[2]
    return name in (procfile.FILE, project_toml.FILE, static_json.FILE, package_json.FILE)


def is_node(files: Collection[str]) -> bool:
    """Is what the Procfile names run by Node.js? `files`: paths, at least those of `told_by`."""
    return package_json.FILE in files and not PYTHON_SIGNS.intersection(files)


def processes(files: Mapping[str, str], where: str) -> tuple[ProcessType, ...]:
    """`files`: text by relative path, for every path `told_by` accepts. `where` is for messages.

    Raises Invalid when nothing can be run, or a file is malformed.
    """
    functions = tuple(_functions(files))
    named = procfile.parse(files[procfile.FILE]) if procfile.FILE in files else ()
    whole = next((f for f in functions if not f.folder), None)
    if is_node(files) and (whole is None or whole.runtime == NODEJS):
        named = named or (() if functions else _npm_start(files))
        named = tuple(replace(p, runtime=NODEJS) for p in named)
    found = (*named, *functions)
    if _is_site(files, found):
        found = (SITE, *found)
    if not found:
        for folder, language in left_out(files).items():
            shown = folder or "the project"
            raise Invalid(f"cannot deploy {shown}: {language} functions have no builder here yet")
        raise Invalid(f"cannot deploy {where}: {_nothing_to_run(files)}", HINT)
    _refuse_twins(found, where)
    return found


def left_out(files: Mapping[str, str]) -> dict[str, str]:
    """Functions that nobody can build here: language by folder, '' where it is the whole project.
    `files`: as for `processes`."""
    folders = sorted(p.rpartition("/")[0] for p in files if _is_toml(p))
    found = {folder: _other_language(files, folder) for folder in folders}
    return {
        folder: language
        for folder, language in found.items()
        if language and project_toml.parse(files[_in(folder, project_toml.FILE)], folder)
    }


def _other_language(files: Mapping[str, str], folder: str) -> str:
    if any(_in(folder, name) in files for name in RUNTIMES):
        return ""
    return next((told for name, told in OTHER_RUNTIMES.items() if _in(folder, name) in files), "")


def _is_toml(path: str) -> bool:
    return path.rpartition("/")[2] == project_toml.FILE


def _in(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _is_site(files: Mapping[str, str], found: tuple[ProcessType, ...]) -> bool:
    """A static.json is one wherever nobody else is `web`; an index.html only where it is alone."""
    if static_json.FILE in files and all(process.name != SITE.name for process in found):
        static_json.parse(files[static_json.FILE])
        return True
    alone = procfile.FILE not in files and not found and not OTHER_APPS & files.keys()
    return static_json.INDEX in files and alone


def _npm_start(files: Mapping[str, str]) -> tuple[ProcessType, ...]:
    """Heroku's rule for a Node.js app without a Procfile."""
    if procfile.FILE in files or static_json.FILE in files:
        return ()
    manifest = package_json.parse(files[package_json.FILE])
    if "start" not in manifest.scripts and SERVER not in files:
        return ()
    return (ProcessType(name="web", kind="web", command="npm start"),)


def _nothing_to_run(files: Mapping[str, str]) -> str:
    if is_node(files):
        return "no Procfile, and no start script in package.json"
    return "no Procfile, project.toml or functions/ in it"


def _functions(files: Mapping[str, str]) -> tuple[ProcessType, ...]:
    tomls = sorted(p for p in files if _is_toml(p))
    functions = (_function(files, path) for path in tomls)
    return tuple(f for f in functions if f is not None)


def _function(files: Mapping[str, str], path: str) -> ProcessType | None:
    project = project_toml.parse(files[path], path)
    if project is None:
        return None
    folder = path.rpartition("/")[0]
    if _other_language(files, folder):
        return None
    return ProcessType(
        name=project.id, kind="function", folder=folder, runtime=_runtime(files, folder)
    )


def _runtime(files: Mapping[str, str], folder: str) -> str:
    for name, runtime in RUNTIMES.items():
        if _in(folder, name) in files:
            return runtime
    raise Invalid(
        f"cannot deploy {folder or 'the project'}: a function needs a main.py or a package.json",
        "write in main.py: async def function(event, context): ...",
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
