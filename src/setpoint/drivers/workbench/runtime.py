"""What a function runs on here: the layers that a build would lay, by the same code, in a cache."""

import os
import shutil
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

from setpoint.drivers.builders import build, runtime, stack, uv
from setpoint.drivers.builders.errors import CannotBuild, NeedsRunStage
from setpoint.drivers.builders.node import build as node
from setpoint.drivers.builders.node.modules import MODULES
from setpoint.drivers.builders.node.script import BUILDS
from setpoint.drivers.builders.output import Output
from setpoint.drivers.builders.workshop import Workshop
from setpoint.drivers.local.recipe import NODE_RUNTIME
from setpoint.formats import project, project_toml
from setpoint.model.errors import Invalid
from setpoint.model.ids import AppId, BuildId, Digest
from setpoint.model.release import NODEJS, BuildRequest

WORKERS = Path(__file__).parents[2] / "workers"
ASK_S_MAX = 20.0
DECIDES = frozenset(
    {
        *("requirements.txt", "pyproject.toml", "uv.lock", ".python-version", "runtime.txt"),
        *("package.json", "package-lock.json", project_toml.FILE),
    }
)
"""When one of these has changed, what it runs on may be another."""


@dataclass(frozen=True)
class Function:
    """`argv`: its worker, but for the descriptors. `build`: the project's own command that makes
    what is loaded, () where none does; `made`: what that writes, by beginnings of paths."""

    id: str
    folder: Path
    argv: tuple[str, ...]
    build: tuple[str, ...] = ()
    made: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bench:
    """`cache`: a folder that may be removed at any time. `env`: the developer's own variables.
    `python`: an interpreter that has the packages already, or '' for a layer of ours."""

    cache: Path
    env: Mapping[str, str]
    python: str
    say: Output

    def prepared(self, folder: Path) -> Function:
        """Raises Invalid, CannotBuild, Terminal."""
        id, language = _read(folder)
        if language == NODEJS:
            return self._for_node(id, folder)
        python = self._own_python() if self.python else self._layer(folder) / "bin/python"
        # Without bytecode: two versions within one second could not be told apart by it.
        worker = (str(python), "-I", "-u", "-B", "-X", "utf8", str(WORKERS / "python_function"))
        return Function(id, folder, (*worker, *_told(id, folder)))

    def _layer(self, folder: Path) -> Path:
        with self._workshop(folder) as shop:
            try:
                return build.function_layer(shop, folder)
            except NeedsRunStage as needs:
                what = ", ".join(need.label for need in needs.needs)
                raise CannotBuild(
                    f"{what}: that is done in an app's sandbox, which is not here",
                    "name an interpreter that has all packages: --python .venv/bin/python",
                ) from None

    def _own_python(self) -> Path:
        """As it was named: a virtual environment is known by its path."""
        named = Path(os.path.abspath(self.python))
        look = [str(named), "-I", "-c", "import salesforce_functions"]
        try:
            done = subprocess.run(look, capture_output=True, timeout=ASK_S_MAX, check=False)
        except (OSError, subprocess.SubprocessError):
            raise CannotBuild(f"{self.python} does not run") from None
        if done.returncode:
            raise CannotBuild(
                f"{self.python} has no {runtime.PACKAGE}",
                f"{self.python} -m pip install {runtime.RUNTIME}",
            )
        return named

    def _for_node(self, id: str, folder: Path) -> Function:
        with self._workshop(folder) as shop:
            found, digest = node.function_runtime(shop, folder)
            layer = shop.layers / "deps" / digest
        if found.lock.packages and not (folder / MODULES).is_dir():
            raise CannotBuild("its packages are not installed", f"cd {folder} && npm ci")
        worker = (sys.executable, "-I", "-S", "-u", str(WORKERS / "node_function/accept.py"))
        argv = (
            *(*worker, "--node", str(layer / "bin/node"), "--runtime", str(layer / NODE_RUNTIME)),
            *_told(id, folder),
        )
        script = next((name for name in BUILDS if name in found.manifest.scripts), "")
        if not script:
            return Function(id, folder, argv)
        return Function(id, folder, argv, _npm_run(script, self.env), _made(found.manifest.main))

    @contextmanager
    def _workshop(self, folder: Path) -> Generator[Workshop]:
        python = stack.find_python(stack.candidates(self.env), shared=False)
        handover = self.cache / "handover"
        handover.mkdir(mode=0o700, parents=True, exist_ok=True)
        uv_fd = uv.open_uv(find_uv_bin())
        try:
            with open(os.devnull, "rb") as nothing:
                yield Workshop(
                    request=_request(python),
                    archive=nothing,
                    layers=self.cache / "layers",
                    uv=uv.Uv(uv_fd, uv.environment(self.env, self.cache / "uv")),
                    npm_cache=self.cache / "npm",
                    bytecode_store=self.cache / "bytecode",
                    python=stack.interpreter(python),
                    operator=self.env,
                    say=self.say,
                    handover=handover,
                )
        finally:
            os.close(uv_fd)


def _read(folder: Path) -> tuple[str, str]:
    """(its id, its runtime). Raises Invalid."""
    telling = {name: "" for name in os.listdir(folder) if project.told_by(name)}
    for name in filter(project.read_whole, telling):
        telling[name] = _text(folder / name)
    if project_toml.FILE in telling:
        for process in project.processes(telling, folder.name):
            if process.kind == "function":
                return process.name, process.runtime
    below = sorted(path.parent for path in folder.glob(f"{project.FUNCTIONS}/*/project.toml"))
    if below:
        names = ", ".join(str(path.relative_to(folder)) for path in below)
        raise Invalid(f"cannot start {folder}: it is several functions", f"start one of: {names}")
    raise Invalid(
        f"cannot start {folder}: it has no project.toml that tells of a function",
        "begin one with: setpoint functions new NAME -l python",
    )


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(f"cannot read {file}: it is not UTF-8", "save it as UTF-8") from None


def _told(id: str, folder: Path) -> tuple[str, ...]:
    return ("--project", str(folder), "--name", id)


def _npm_run(script: str, env: Mapping[str, str]) -> tuple[str, ...]:
    npm = shutil.which("npm", path=env.get("PATH", os.defpath))
    if npm is None:
        raise CannotBuild(
            f"its {script} script needs npm, which is not on the PATH",
            "install Node.js, which brings npm",
        )
    return (npm, "run", script)


def _made(main: str) -> tuple[str, ...]:
    """What the build writes, as far as `main` tells: its folder, or what is compiled beside."""
    top, slash, _ = main.removeprefix("./").partition("/")
    return (f"{top}/",) if slash else (top, f"{top}.map")


def _request(python: str) -> BuildRequest:
    """Of nobody's: layers are named by what is in them."""
    return BuildRequest(
        BuildId(f"here-{os.getpid()}"), AppId("here"), "here", Digest(""), stack.stack(python)
    )
