"""The two things that are done in an app's sandbox for its build: how each is started, and how far
it may go. The same walls as for the app's instances, and no network at all. Config vars reach only
commands of the app itself, never a package that is built."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from setpoint.drivers.local.ground import Ground
from setpoint.drivers.local.handovers import Handovers
from setpoint.drivers.local.names import InstanceName
from setpoint.drivers.local.recipe import SYSTEM_PATH, prefix
from setpoint.drivers.local.records import Files
from setpoint.drivers.local.sandbox import Launch
from setpoint.drivers.local.trees import Trees
from setpoint.formats import handover
from setpoint.formats.handover import Need, Package, Work
from setpoint.model.release import BuildRequest

INPUT_FD, OUTPUT_FD = 3, 4
EPOCH = "315532800"
"""1980, where zip's time begins: as few differences as can be between two builds of one source"""
MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    run_s_max: float
    memory_bytes_max: int
    pids_max: int
    out_bytes_max: int
    cpu_weight: int = 50


PACKAGE = Limits(600.0, 1024 * MIB, 256, handover.WHEEL_BYTES_MAX)
WORK = Limits(900.0, 2048 * MIB, 512, handover.TREE_BYTES_MAX)
"""Heroku gives a build 15 minutes, and more memory than the smallest dynos have."""


@dataclass(frozen=True)
class Shop:
    """What every run stage works with. `python`: what apps run on."""

    ground: Ground
    python: str
    handovers: Handovers
    trees: Trees
    new_token: Callable[[], str]

    @property
    def folder(self) -> Path:
        """Of FIFOs and exit codes; open to app users, since one level's scratch is below it."""
        folder = self.ground.paths.runtime / "stage"
        folder.mkdir(mode=0o711, exist_ok=True)
        return folder


@dataclass(frozen=True)
class Asked:
    """A build, with the environment of those of its commands that are configured."""

    request: BuildRequest
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Errand:
    """One need on its way. `binds`, `writable`: (host path, path inside). `gone`: to be called when
    its sandbox has ended."""

    title: str
    limits: Limits
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    binds: tuple[tuple[Path, str], ...]
    writable: tuple[tuple[Path, str], ...] = ()
    gone: Callable[[], None] = field(default=lambda: None)

    def launch(
        self,
        shop: Shop,
        request: BuildRequest,
        name: InstanceName,
        files: Files,
        fds: Mapping[int, int],
    ) -> Launch:
        return Launch(
            name=str(name),
            app=request.app,
            argv=self.argv,
            env=self.env,
            cwd=self.cwd,
            binds=self.binds,
            uid=shop.ground.uid(request.app),
            memory_bytes_max=self.limits.memory_bytes_max,
            pids_max=self.limits.pids_max,
            cpu_weight=self.limits.cpu_weight,
            netns=None,  # an empty one of its own
            output=files.output,
            status=files.status,
            fds=fds,
            hostname="build",
            writable=self.writable,
        )


def errand(shop: Shop, asked: Asked, need: Need) -> Errand:
    """Raises OSError."""
    match need:
        case Package():
            return _package(shop, need)
        case Work():
            return _work(shop, asked, need)


def _package(shop: Shop, package: Package) -> Errand:
    ground = shop.ground
    inside, layer = ground.confinement.inside, ground.layers.deps(package.tools)
    script = ground.confinement.tools.wheel
    tools, builder = inside(layer, "/layers/tools"), inside(script, "/layers/wheel.py")
    return Errand(
        title=f"Building {package.label} from source",
        limits=PACKAGE,
        argv=(f"{tools}/bin/python", "-I", "-u", builder, str(INPUT_FD), str(OUTPUT_FD)),
        env={
            "LANG": "C.UTF-8",
            "PATH": f"{tools}/bin:{SYSTEM_PATH}",
            "SOURCE_DATE_EPOCH": EPOCH,
        },
        cwd="/",
        binds=((layer, tools), (script, builder), *_interpreter(shop)),
    )


def _work(shop: Shop, asked: Asked, work: Work) -> Errand:
    """Seen where the app's instances see it; the cache lies beside, and nowhere at run time."""
    ground, request = shop.ground, asked.request
    inside, script = ground.confinement.inside, ground.confinement.tools.tree
    uid = ground.uid(request.app)
    tree, cache = shop.trees.new(uid), shop.trees.cache(request.app, uid, request.cache_since_s)
    app, kept, runner = inside(tree, "/app"), inside(cache, "/cache"), inside(script, "/tree.py")
    binds = ((script, runner), *_interpreter(shop))
    layer = ""
    if work.layer is not None:
        layer = inside(ground.layers.deps(work.layer), "/layers/deps")
        binds = ((ground.layers.deps(work.layer), layer), *binds)
    given = {key: value.replace(handover.LAYER, layer) for key, value in work.env.items()}
    config = _config(asked, work)
    return Errand(
        title=work.label,
        limits=WORK,
        argv=(
            *(shop.python, "-I", "-u", runner, str(INPUT_FD), str(OUTPUT_FD), app),
            *work.commands,
        ),
        env={
            "LANG": "C.UTF-8",
            "PATH": f"{layer}/bin:{SYSTEM_PATH}" if layer else SYSTEM_PATH,
            "SOURCE_DATE_EPOCH": EPOCH,
            **config,
            "HOME": kept,
            **given,
        },
        cwd=app,
        binds=binds,
        writable=((tree, app), (cache, kept)),
        gone=lambda: shop.trees.drop(tree, cache),
    )


def _config(asked: Asked, work: Work) -> Mapping[str, str]:
    match work.configured:
        case "":
            return {}
        case "env":
            return asked.environment
        case "files":
            return {f"{handover.CONFIG_PREFIX}{k}": v for k, v in asked.environment.items()}


def _interpreter(shop: Shop) -> tuple[tuple[Path, str], ...]:
    found = prefix(shop.python)
    return () if found is None else ((found, str(found)),)
