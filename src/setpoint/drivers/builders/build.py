"""One build, as a story: unpack, see what it is, resolve, lay down layers, name the processes."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from setpoint.drivers.builders import (
    archive,
    detect,
    django,
    layers,
    manifest,
    on_tree,
    python_version,
    runtime,
    stack,
    static_site,
    tree,
    uv,
)
from setpoint.drivers.builders.asking import Question
from setpoint.drivers.builders.django import Collecting
from setpoint.drivers.builders.errors import CannotBuild
from setpoint.drivers.builders.from_source import FromSource
from setpoint.drivers.builders.layers import Layers
from setpoint.drivers.builders.locks import Lock, Resolver
from setpoint.drivers.builders.node import build as node
from setpoint.drivers.builders.node.build import NodeParts
from setpoint.drivers.builders.on_tree import OnTree
from setpoint.drivers.builders.sources import Sources
from setpoint.drivers.builders.workshop import Workshop
from setpoint.formats import slugignore
from setpoint.model.ids import Digest
from setpoint.model.job import CronJob
from setpoint.model.release import NODEJS, BuildRequest, ProcessType, Slug, Wish


def build(shop: Workshop) -> Slug:
    """Raises CannotBuild, or NeedsRunStage: build again when that is over.

    Whatever was finished before stays: it is found by its content.
    """
    code_layers = Layers(shop.layers / "code", shop.request.id)
    with code_layers.scratch() as unpacked:
        archive.unpack(shop.archive, unpacked)
        root = tree.root_of(unpacked)
        ignored = tree.drop_ignored(root)
        schedule, hoped = detect.schedule(root), detect.addons(root)
        if shop.request.buildpacks:
            # Few builds have any, and what they are read with takes 40 ms to import.
            from setpoint.drivers.builders import buildpacks

            slug = buildpacks.build(shop, root, code_layers)
            for warning in hoped:
                shop.say.warn(warning)
            warnings = (*slug.warnings, *hoped)
            return structs.replace(slug, schedule=schedule, warnings=warnings)
        processes = detect.processes(root, shop.request.app_name)
        left_out = detect.left_out(root)
        if not shop.resumed:
            _announce(shop, processes, ignored)
            _announce_schedule(shop, schedule)
        parts = node.prepare(shop, root, processes)
        built = _with_layers(shop, root, processes, parts)
        code, warned = _code_layer(shop, root, code_layers, parts, built.processes)
    unmet = (*built.unmet, *left_out)
    warnings = (*(w.because for w in unmet), *built.warnings, *warned, *hoped)
    for warning in warnings:
        shop.say.warn(warning)
    shop.say.topic(f"Build succeeded: code {code[:12]}, stack {shop.request.stack}")
    return Slug(
        code=code,
        processes=built.processes,
        stack=shop.request.stack,
        python=shop.python.path,
        warnings=warnings,
        schedule=schedule,
        node=parts.version,
        unmet=unmet,
    )


def _announce(shop: Workshop, processes: tuple[ProcessType, ...], ignored: int) -> None:
    if ignored:
        shop.say.topic(f"Left out what {slugignore.FILE} names: {ignored} files and folders")
    if all(map(_is_site, processes)):
        shop.say.topic("Static site detected")
        return
    if any(_is_python(p) for p in processes):
        shop.say.topic("Python app detected")
        shop.say.topic(f"Using Python {shop.python.label}")
    if any(p.runtime == NODEJS for p in processes):
        shop.say.topic("Node.js app detected")
    shop.say.topic("Discovering process types")
    for title, kinds in (("Procfile", ("web", "worker", "release")), ("Functions", ("function",))):
        names = [p.name for p in processes if p.kind in kinds]
        if names:
            shop.say.detail(f"{title}: {', '.join(names)}")


def _announce_schedule(shop: Workshop, schedule: tuple[CronJob, ...]) -> None:
    """In UTC, which is worth saying where somebody reads it."""
    if schedule:
        shop.say.topic("Scheduled, in UTC")
    for job in schedule:
        shop.say.detail(f"{job.schedule}  {job.command}")


def _is_python(process: ProcessType) -> bool:
    return process.runtime != NODEJS and not _is_site(process)


def _is_site(process: ProcessType) -> bool:
    return process.runtime == static_site.RUNTIME


# --- what it needs -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Built:
    processes: tuple[ProcessType, ...]
    warnings: tuple[str, ...]
    unmet: tuple[Wish, ...]


def _with_layers(
    shop: Workshop, root: Path, processes: tuple[ProcessType, ...], parts: NodeParts
) -> _Built:
    """Each process with the layer of its folder. Equal needs share one layer."""
    made: dict[tuple[str, str], Digest] = {}
    warnings, unmet = list(parts.warnings), parts.unmet
    if any(map(_is_python, processes)):
        wish = python_version.wanted(lambda name: tree.read(root, name, python_version.BYTES_MAX))
        unmet += python_version.unmet(wish, shop.python.label)
    for process in processes:
        need = _need(process)
        if need not in made and process.runtime != NODEJS:
            made[need], warned = _needed(shop, root, process)
            warnings += (w for w in warned if w not in warnings)
    with_layers = (
        parts.with_layer(p) if p.runtime == NODEJS else structs.replace(p, layer=made[_need(p)])
        for p in processes
    )
    return _Built(tuple(with_layers), tuple(warnings), unmet)


def _need(process: ProcessType) -> tuple[str, str]:
    """Processes with the same one share a layer."""
    return process.folder, process.runtime


def _needed(shop: Workshop, root: Path, process: ProcessType) -> tuple[Digest, tuple[str, ...]]:
    """(its layer, what to warn of)."""
    if process.runtime == static_site.RUNTIME:
        return _server_layer(shop), ()
    question, warnings = _question(shop, root, process.folder, process.kind == "function")
    return _layer(shop, question), warnings


def function_layer(shop: Workshop, root: Path) -> Path:
    """What a Python function runs on whose project lies in `root`, and nothing else of a build.

    Raises CannotBuild, NeedsRunStage.
    """
    question, warnings = _question(shop, root, "", function=True)
    for warning in warnings:
        shop.say.warn(warning)
    return shop.layers / "deps" / _layer(shop, question)


def _question(
    shop: Workshop, root: Path, folder: str, function: bool
) -> tuple[Question, tuple[str, ...]]:
    """What to resolve for one folder, and what to warn of."""
    desk = manifest.Desk(root, shop.uv, shop.python, uv.indexes(shop.operator), shop.locks)
    named = desk.packages(folder)
    if not function:
        return Question(named.where, named.asked), named.warnings
    version = shop.python.version
    question = Question(named.where, named.asked, (runtime.RUNTIME,), runtime.overrides(version))
    warnings = runtime.warnings(version, named.asked.wanted, named.where)
    return question, (*named.warnings, *warnings)


def _layer(shop: Workshop, question: Question) -> Digest:
    """What was said before a run stage is not said again after it, unless there is news."""
    if not shop.resumed:
        shop.say.topic(_title(question))
    sources = Sources(shop.handover, shop.operator)
    lock = _resolver(shop, sources).resolve(question)
    if not (shop.resumed and lock.known):
        _tell_lock(shop, lock)
    digest, made = _laid(shop, lock, sources)
    if made or not shop.resumed:
        shop.say.detail(f"layer {digest[:12]} {'made' if made else 'is already there'}")
    return digest


def _tell_lock(shop: Workshop, lock: Lock) -> None:
    how = "as locked before" if lock.known else "resolved"
    shop.say.detail(f"{lock.packages} package{'' if lock.packages == 1 else 's'}, {how}")
    if lock.sources:
        names = ", ".join(source.label for source in lock.sources)
        shop.say.detail(f"published as source only: {names}")


def _server_layer(shop: Workshop) -> Digest:
    """Of what serves static sites: ours, and the same for every app."""
    deps = Layers(shop.layers / "deps", shop.request.id)
    digest = layers.key_with(static_site.LOCK, shop.request.stack, static_site.MODULE)
    if not deps.has(digest):
        shop.say.topic("Installing the server for static sites with uv")
        lock, modules = static_site.LOCK, static_site.MODULE
        layers.lay(shop.uv, lock, shop.bytecode, deps, digest, None, modules)
    return digest


def _resolver(shop: Workshop, sources: Sources | None) -> Resolver:
    return Resolver(shop.uv, shop.python, shop.request.stack, shop.locks, sources)


def _laid(shop: Workshop, lock: Lock, sources: Sources) -> tuple[Digest, bool]:
    """(the layer of this lock, whether it was not there before)."""
    deps = Layers(shop.layers / "deps", shop.request.id)
    digest = layers.key_of(lock, shop.request.stack, shop.request.app)
    if deps.has(digest):
        return digest, False
    with tempfile.TemporaryDirectory(prefix="wheels-", dir=shop.handover) as scratch:
        wheels = Path(scratch) / "wheels" if lock.sources else None
        if wheels is not None:
            FromSource(sources, lambda question: _tools(shop, question)).wheels(
                lock.sources, wheels
            )
        bytecode = shop.own_bytecode if lock.sources else shop.bytecode
        layers.lay(shop.uv, lock, bytecode, deps, digest, wheels)
    return digest, True


def _tools(shop: Workshop, question: Question) -> Digest:
    """What a package's build asks for, from wheels alone: nothing is built to build something."""
    return _laid(shop, _resolver(shop, None).resolve(question), Sources(shop.handover, {}))[0]


def _title(question: Question) -> str:
    if question.requirements.wanted:
        runtime_too = " and the functions runtime" if question.extra else ""
        return f"Installing {question.where}{runtime_too} with uv"
    if question.extra:
        return f"Installing the functions runtime with uv (nothing in {question.where})"
    return f"Nothing to install: no packages in {question.where}"


# --- what it brings ------------------------------------------------------------------------------


def _code_layer(
    shop: Workshop,
    root: Path,
    code_layers: Layers,
    parts: NodeParts,
    processes: tuple[ProcessType, ...],
) -> tuple[Digest, tuple[str, ...]]:
    """(its digest, what to warn of). Raises CannotBuild, NeedsRunStage."""
    if parts.commands:
        return _scripted(shop, root, code_layers, parts, processes)
    warnings = static_site.prepare(root) if any(map(_is_site, processes)) else ()
    source = tree.digest(root)
    collecting = _collecting(shop, root, processes)
    if collecting is not None:
        return _collected(shop, root, code_layers, collecting, source), warnings
    digest = layers.key("\0".join((source, *parts.decisive)), shop.request.stack)
    if not code_layers.has(digest):
        parts.merge(root)
        _compile(shop, root, processes)
        code_layers.put(root, digest)
    return digest, warnings


def _compile(shop: Workshop, root: Path, processes: tuple[ProcessType, ...]) -> None:
    if any(map(_is_python, processes)):
        shop.say.topic("Compiling the code")
        shop.own_bytecode.add_to(root)


def _scripted(
    shop: Workshop,
    root: Path,
    code_layers: Layers,
    parts: NodeParts,
    processes: tuple[ProcessType, ...],
) -> tuple[Digest, tuple[str, ...]]:
    """As the project's scripts leave it, run anew in each build: config is in no key."""
    work = parts.work(shop, tree.digest(root))
    assert work is not None
    parts.merge(root)
    _compile(shop, root, processes)
    warnings: tuple[str, ...] = ()
    with code_layers.scratch("-made") as made:
        OnTree(shop.handover).run(work, root, made)
        if any(map(_is_site, processes)):
            warnings = static_site.prepare(made)
            if all(map(_is_site, processes)):
                node.drop_modules(made)
        request = shop.request
        digest = on_tree.key(request.app, request.stack, "scripted", tree.digest(made))
        if not code_layers.has(digest):
            code_layers.put(made, digest)
    return digest, warnings


def _collecting(
    shop: Workshop, root: Path, processes: tuple[ProcessType, ...]
) -> Collecting | None:
    """None where there are no static files of Django's to collect."""
    app = (p for p in processes if _is_python(p) and p.kind != "function" and not p.folder)
    layer = next((p.layer for p in app), None)
    manage = django.find(root, shop.layers / "deps" / layer) if layer is not None else ""
    if layer is None or not manage:
        return None
    if django.SWITCH in shop.configured:
        shop.say.topic(f"Static files of Django are left alone: {django.SWITCH} is set")
        return None
    return Collecting(shop.request, shop.handover, manage, layer)


def _collected(
    shop: Workshop, root: Path, code_layers: Layers, collecting: Collecting, source: str
) -> Digest:
    """Run anew in each build, as on Heroku: its result depends on config, which is in no key."""
    shop.own_bytecode.add_to(root)
    with code_layers.scratch("-made") as made:
        if not collecting.run(root, source, made):
            shop.say.topic("No static files to collect: django.contrib.staticfiles is not there")
            root.rename(made)
        request = shop.request
        digest = on_tree.key(request.app, request.stack, "collected", tree.digest(made))
        if not code_layers.has(digest):
            code_layers.put(made, digest)
    return digest


def check_stack(request: BuildRequest, python: str) -> None:
    """A layer made elsewhere than its key says would poison every later build."""
    offered = stack.stack(python)
    if request.stack != offered:
        raise CannotBuild(
            f"it was asked for on {request.stack}, and this machine is {offered} by now",
            user_error=False,
        )
