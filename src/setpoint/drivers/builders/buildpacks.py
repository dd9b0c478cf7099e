"""Classic buildpacks, in order, on the app's source: what they leave behind is the slug.

They are somebody's programs, so they run in the app's sandbox. Here they are fetched, unpacked as
strictly as an upload, and laid down as one layer with the script that runs them.
"""

import contextlib
import shlex
import shutil
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import BinaryIO

from setpoint.drivers import outbound
from setpoint.drivers.builders import archive, layers, on_tree, tree
from setpoint.drivers.builders.errors import CannotBuild
from setpoint.drivers.builders.layers import Layers
from setpoint.drivers.builders.on_tree import OnTree
from setpoint.drivers.builders.workshop import Workshop
from setpoint.formats import buildpack, buildpack_release, procfile
from setpoint.formats.buildpack import Buildpack
from setpoint.formats.handover import Work
from setpoint.model.errors import DriverError, Invalid, Transient
from setpoint.model.ids import Digest
from setpoint.model.release import BUILDPACK, ProcessType, Slug

MIB = 1024 * 1024
LIMITS = archive.Limits(packed_bytes=64 * MIB, unpacked_bytes=256 * MIB, entries=20_000)
FETCH_S_MAX = 120.0
SCRIPT = resources.files("setpoint.workers").joinpath("buildpack.sh").read_bytes()
RELEASE = ".setpoint/release.yml"
DEFAULTS = ".profile.d/000_buildpack_config.sh"
"""Sourced first, so that what the user set wins over what a buildpack would have."""
OURS = "buildpack"


def build(shop: Workshop, root: Path, code_layers: Layers) -> Slug:
    """Raises CannotBuild, NeedsRunStage."""
    packs = tuple(_parsed(text) for text in shop.request.buildpacks)
    names = tuple(f"{number}-{pack.name}" for number, pack in enumerate(packs, 1))
    if not shop.resumed:
        shop.say.topic(f"Building with {', '.join(pack.name for pack in packs)}")
    layer = _layer(shop, packs, names)
    with code_layers.scratch("-made") as made:
        OnTree(shop.handover).run(_work(shop, tree.digest(root), layer, names), root, made)
        processes = _processes(shop, made)
        request = shop.request
        code = on_tree.key(request.app, request.stack, "buildpacks", tree.digest(made))
        if not code_layers.has(code):
            code_layers.put(made, code)
    shop.say.topic("Discovering process types")
    shop.say.detail(", ".join(p.name for p in processes))
    shop.say.topic(f"Build succeeded: code {code[:12]}, stack {shop.request.stack}")
    return Slug(code, processes, shop.request.stack, shop.python.path)


def _work(shop: Workshop, source: str, layer: Digest, names: tuple[str, ...]) -> Work:
    request = shop.request
    compiles = (f"{OURS} compile {shlex.quote(name)}" for name in names)
    return Work(
        key=on_tree.key(request.app, request.stack, "buildpacks", source, layer),
        label="Running buildpacks",
        commands=(*compiles, f"{OURS} release {shlex.quote(names[-1])}"),
        layer=layer,
        env={"STACK": request.stack},
        configured="files",
    )


# --- what there is to run ------------------------------------------------------------------------


def _processes(shop: Workshop, made: Path) -> tuple[ProcessType, ...]:
    """A Procfile's, and what the last buildpack runs by default. Raises CannotBuild."""
    said = tree.read(made, RELEASE, buildpack_release.BYTES_MAX + 1) or b""
    own = tree.read(made, procfile.FILE, procfile.BYTES_MAX + 1) or b""
    try:
        defaults, config = buildpack_release.parse(said)
        named = procfile.parse(own.decode("utf-8-sig", "replace"))
    except Invalid as error:
        raise CannotBuild(error.message, error.hint) from None
    with contextlib.suppress(OSError):
        (made / RELEASE).unlink(missing_ok=True)
        (made / RELEASE).parent.rmdir()
    _write_defaults(made, config)
    names = {process.name for process in named}
    found = (*named, *(process for process in defaults if process.name not in names))
    if not found:
        raise CannotBuild(
            "its buildpacks name no process, and there is no Procfile",
            "write a Procfile, for example: web: ./serve",
        )
    return tuple(
        ProcessType(process.name, process.kind, process.command, runtime=BUILDPACK)
        for process in found
    )


def _write_defaults(made: Path, config: Mapping[str, str]) -> None:
    if not config:
        return
    file = made / DEFAULTS
    if not tree.ours_to_write(made, DEFAULTS):
        raise CannotBuild(f"{DEFAULTS} is ours to write, and something is in its place")
    file.parent.mkdir(exist_ok=True)
    lines = (
        f'[ -n "${{{key}+set}}" ] || export {key}={shlex.quote(value)}\n'
        for key, value in config.items()
    )
    file.write_text("".join(lines), encoding="utf-8")


# --- fetching them -------------------------------------------------------------------------------


def _layer(shop: Workshop, packs: tuple[Buildpack, ...], names: tuple[str, ...]) -> Digest:
    """All of them and our script, as one layer by content."""
    deps = Layers(shop.layers / "deps", shop.request.id)
    with deps.scratch("-packs") as new:
        (new / "bin").mkdir(parents=True)
        (new / "packs").mkdir()
        script = new / "bin" / OURS
        script.write_bytes(SCRIPT)
        script.chmod(0o755)
        for number, (pack, name) in enumerate(zip(packs, names, strict=True), 1):
            with _opened(shop, pack, number) as packed:
                _unpack(packed, pack, new / "packs" / name)
        digest = layers.key(tree.digest(new), shop.request.stack)
        if not deps.has(digest):
            deps.put(new, digest)
    return digest


def _unpack(packed: BinaryIO, pack: Buildpack, into: Path) -> None:
    scratch = into.with_name(f"{into.name}.new")
    archive.unpack(packed, scratch, LIMITS, f"buildpack {pack.name}")
    entries = list(scratch.iterdir())
    alone = len(entries) == 1 and entries[0].is_dir() and not entries[0].is_symlink()
    inner = entries[0] if alone and not (scratch / "bin").exists() else scratch
    if not (inner / "bin/compile").is_file():
        raise CannotBuild(
            f"buildpack {pack.name} holds no bin/compile",
            "a classic buildpack has bin/detect and bin/compile",
        )
    inner.rename(into)
    shutil.rmtree(scratch, ignore_errors=True)


def _opened(shop: Workshop, pack: Buildpack, number: int):
    if pack.digest is not None:
        upload = shop.packs.get(pack.digest)
        if upload is None:
            raise CannotBuild(f"buildpack {pack.name} is not there any more", "set it anew")
        upload.seek(0)
        return contextlib.nullcontext(upload)
    return _fetched(shop, pack, number).open("rb")


def _fetched(shop: Workshop, pack: Buildpack, number: int) -> Path:
    """Once per build, whatever its address answers the next time. Raises CannotBuild."""
    path = shop.handover / f"pack-{number}.tar.gz"
    if path.is_file():
        return path
    shop.say.topic(f"Fetching {pack.url}")
    new = path.with_suffix(".new")
    try:
        allowed = outbound.networks(shop.operator)
        rules = outbound.Rules(allowed, LIMITS.packed_bytes, FETCH_S_MAX)
        with new.open("wb") as file:
            outbound.fetch(pack.url, file, rules)
    except DriverError as error:
        passing = isinstance(error, Transient)
        raise CannotBuild(error.message, error.hint, user_error=not passing) from None
    new.rename(path)
    return path


def _parsed(text: str) -> Buildpack:
    try:
        return buildpack.parse(text)
    except Invalid as error:
        raise CannotBuild(error.message, error.hint) from None
