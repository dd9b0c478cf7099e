"""What one instance runs: command line, environment and what it may see of the disk. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from setpoint.model.ids import Digest
from setpoint.model.process import ProcessSpec
from setpoint.model.release import BUILDPACK, NODEJS, PYTHON

APP, DEPS = "/app", "/layers/deps"
"""Where an instance sees its layers."""
LISTENER_FD = 3
NOTIFY_FD = 4
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


NODE_DEFAULTS = {
    "NODE_ENV": "production",
    "npm_config_cache": "/tmp/.npm",
    "npm_config_logs_max": "0",
    "npm_config_update_notifier": "false",
}
"""Code is read-only and the network not npm's, which is only there to start what a script names."""
NODE_RUNTIME = "node_modules/@heroku/sf-fx-runtime-nodejs"


PROFILE = (
    'for file in .profile.d/*.sh .profile; do [ ! -f "$file" ] || . "./$file"; done; '
    'exec /bin/bash -c "$0"'
)
"""What buildpacks left to be sourced, then the command, which comes as $0."""


@dataclass(frozen=True)
class Layers:
    """Where they lie on the host. `workers`: our own folder that runs functions, by runtime, and
    `function_s`: how long it lets a call run; None: as it does by itself."""

    folder: Path
    workers: Mapping[str, Path]
    function_s: int | None = None

    def worker(self, spec: ProcessSpec) -> Path:
        return self.workers[spec.runtime or PYTHON]

    def code(self, spec: ProcessSpec) -> Path:
        return self.folder / "code" / spec.code

    def deps(self, layer: Digest) -> Path:
        return self.folder / "deps" / layer


Inside = Callable[[Path, str], str]
"""(host path, wanted path) -> what the instance sees: as wanted, or the host's own path where
nothing can be mounted."""


@dataclass(frozen=True)
class Places:
    """Where an instance finds its files. `deps`, `worker`: '' where it has none."""

    app: str
    deps: str
    worker: str
    folder: str


def _places(spec: ProcessSpec, layers: Layers, inside: Inside) -> Places:
    app = inside(layers.code(spec), APP)
    deps = "" if spec.layer is None else inside(layers.deps(spec.layer), DEPS)
    folder = f"{app}/{spec.folder}" if spec.folder else app
    worker = inside(layers.worker(spec), "/layers/worker") if spec.kind == "function" else ""
    return Places(app, deps, worker, folder)


@dataclass(frozen=True)
class Recipe:
    """`binds`: (host path, path inside), read-only."""

    argv: tuple[str, ...]
    env: dict[str, str]
    binds: tuple[tuple[Path, str], ...]
    cwd: str


def recipe(
    spec: ProcessSpec,
    environment: Mapping[str, str],
    dyno: str,
    port: int,
    layers: Layers,
    inside: Inside,
) -> Recipe:
    """`port`: what it is told to listen on, 0 for none."""
    places = _places(spec, layers, inside)
    function = spec.kind == "function"
    return Recipe(
        argv=_function_argv(spec, places, layers) if function else _shell_argv(spec),
        env=_environment(spec, environment, dyno, port, places),
        binds=_binds(spec, layers, places),
        cwd=places.folder,
    )


def zygote_recipe(spec: ProcessSpec, layers: Layers, inside: Inside) -> Recipe:
    """Of what forks functions like this one."""
    places = _places(spec, layers, inside)
    argv = (*_python_argv(spec, places), "zygote", str(LISTENER_FD))
    return _without_function(argv, spec, layers, places)


def spare_recipe(spec: ProcessSpec, layers: Layers, inside: Inside) -> Recipe:
    """Of what may become a function like this one."""
    places = _places(spec, layers, inside)
    argv = (*_accept_argv(spec, places), "--control-fd", str(LISTENER_FD), *_node_argv(places))
    return _without_function(argv, spec, layers, places)


def _without_function(
    argv: tuple[str, ...], spec: ProcessSpec, layers: Layers, places: Places
) -> Recipe:
    """All that functions of one kind have, but what is one function's own."""
    own = ("DYNO", "PWD", "FUNCTION_PROJECT_PATH")
    env = _environment(spec, {}, "", 0, places)
    env = {key: value for key, value in env.items() if key not in own}
    return Recipe(argv, env, _binds(spec, layers, places), "/")


def _shell_argv(spec: ProcessSpec) -> tuple[str, ...]:
    """bash, as on Heroku: it executes a simple command in its own place, so SIGTERM arrives."""
    if spec.runtime == BUILDPACK:
        return ("/bin/bash", "-c", PROFILE, spec.command)
    return ("/bin/bash", "-c", spec.command)


def _function_argv(spec: ProcessSpec, places: Places, layers: Layers) -> tuple[str, ...]:
    """-I: config vars named PYTHON... must not reach into the runtime's own start."""
    told = (
        *("--fd", str(LISTENER_FD), "--record-fd", str(NOTIFY_FD)),
        *("--project", places.folder),
        *(("--limit", str(spec.concurrency)) if spec.concurrency else ()),
        *(("--deadline", str(layers.function_s)) if layers.function_s else ()),
    )
    if spec.runtime == NODEJS:
        told = (*told, "--memory", str(spec.memory_bytes_max))
        return (*_accept_argv(spec, places), *told, *_node_argv(places))
    return (*_python_argv(spec, places), *told)


def _accept_argv(spec: ProcessSpec, places: Places) -> tuple[str, ...]:
    return (spec.python, "-I", "-S", "-u", f"{places.worker}/accept.py")


def _node_argv(places: Places) -> tuple[str, ...]:
    return ("--node", f"{places.deps}/bin/node", "--runtime", f"{places.deps}/{NODE_RUNTIME}")


def _python_argv(spec: ProcessSpec, places: Places) -> tuple[str, ...]:
    python = f"{places.deps}/bin/python" if places.deps else spec.python
    return (python, "-I", "-u", "-X", "utf8", places.worker)


def _environment(
    spec: ProcessSpec, given: Mapping[str, str], dyno: str, port: int, places: Places
) -> dict[str, str]:
    """What the user set wins over our defaults, and the platform's own facts over both."""
    defaults = {
        "HOME": places.app,
        "LANG": "C.UTF-8",
        "PATH": _search_path(spec, places),
        "PYTHONUNBUFFERED": "1",
        **(NODE_DEFAULTS if spec.runtime == NODEJS else {}),
    }
    facts = {"DYNO": dyno, "PWD": places.folder}
    if port:
        facts["PORT"] = str(port)
    if spec.kind == "function":
        facts["FUNCTION_PROJECT_PATH"] = places.folder
    return {**defaults, **given, **facts}


def _search_path(spec: ProcessSpec, places: Places) -> str:
    folders = [f"{places.deps}/bin"] if places.deps else []
    if spec.runtime == NODEJS:
        folders.append(f"{places.folder}/node_modules/.bin")
    if spec.python:
        folders.append(str(PurePosixPath(spec.python).parent))
    return ":".join(dict.fromkeys([*folders, *SYSTEM_PATH.split(":")]))


def _binds(spec: ProcessSpec, layers: Layers, places: Places) -> tuple[tuple[Path, str], ...]:
    binds = [(layers.code(spec), places.app)]
    if spec.layer is not None:
        binds.append((layers.deps(spec.layer), places.deps))
    if spec.kind == "function":
        binds.append((layers.worker(spec), places.worker))
    interpreter = prefix(spec.python)
    if interpreter is not None:
        binds.append((interpreter, str(interpreter)))
    return tuple(binds)


def prefix(python: str) -> Path | None:
    """The folder of an interpreter that is not the system's own, which every sandbox has."""
    path = Path(python)
    return None if not python or path.is_relative_to("/usr") else path.parent.parent
