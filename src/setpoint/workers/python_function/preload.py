"""Importing ahead of time what functions will import, and seeing what that leaves behind.

An import may read a config value that is not there yet, start a thread that no fork takes along, or
open a file that all forks would share. Each of these is found out here, and told.
"""

import importlib
import itertools
import os
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

STARTS_THREADS = frozenset(
    {"eventlet", "gevent", "grpc", "jax", "numba", "pyspark", "ray", "tensorflow", "torch"}
)
"""Known not to survive a fork, whatever can be seen of it."""
FORKS_WITH_THREADS = frozenset({"numpy", "scipy"})
"""Their arithmetic runs on threads of its own, which it puts away before a fork."""
EVERYTHING = "*"
"""in place of a variable's name: all of them were looked at"""
NAME = re.compile(r"[A-Za-z_][\w.]{0,199}")


class Known(NamedTuple):
    """Modules that need not be told of, and how many were imported with them."""

    names: frozenset[str]
    count: int


NOTHING = Known(frozenset(), 0)


def recorded(project: str, before: Known = NOTHING) -> list[str]:
    """What has been imported so far, in that order, but for `before` and the project's own.

    Only what came on top is looked at: a look alone copies a module's memory into a forked
    process."""
    on_top = max(0, len(sys.modules) - before.count)
    newest = list(itertools.islice(reversed(sys.modules), on_top))
    return [
        name
        for name in reversed(newest)
        if name not in before.names
        and NAME.fullmatch(name)
        and _is_shared(name, sys.modules.get(name), project)
    ]


def fork_safe(project: str) -> bool:
    """What the project says of itself: `fork-safe = false` below `[setpoint]` in project.toml."""
    try:
        import tomllib
    except ImportError:  # Python 3.10, where the runtime brings its ancestor
        import tomli as tomllib
    with open(os.path.join(project, "project.toml"), "rb") as file:
        return tomllib.load(file).get("setpoint", {}).get("fork-safe") is not False


def _is_shared(name: str, module: object, project: str) -> bool:
    if name.partition(".")[0] in ("__main__", __package__.partition(".")[0]):
        return False
    origin = getattr(getattr(module, "__spec__", None), "origin", None)
    if origin is None:  # a namespace package, or made by hand
        return False
    return not os.path.realpath(origin).startswith(os.path.realpath(project) + os.sep)


class Preloaded:
    """`refusal`: why nothing may be forked from this process, '' if it may.

    `touched`: variables that imports read or wrote. `missing`: names that imports looked for in
    vain. `asked`: what was to be imported.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.asked = frozenset(names)
        self.touched: set[str] = set()
        self.missing: set[str] = set()
        self.refusal = ""
        files = open_files()
        with _watched_environment(self.touched), _watched_finders(self.missing):
            for name in names:
                self.refusal = self._load(name)
                if self.refusal:
                    return
        if open_files() - files:
            self.refusal = "what it imports leaves files open"
        elif _has_children():
            self.refusal = "what it imports starts processes"

    @property
    def tops(self) -> frozenset[str]:
        """Names that a project's own files would have hidden."""
        return frozenset(n.partition(".")[0] for n in (*sys.modules, *self.missing))

    def aware_of(self, run: Callable[[], None]) -> str:
        """Run something else that may leave what no fork shares; why nothing may be forked now."""
        files, tasks = open_files(), _tasks()
        run()
        return (
            "its runtime leaves threads or files open"
            if (_tasks() > tasks or open_files() - files)
            else ""
        )

    def _load(self, name: str) -> str:
        top = name.partition(".")[0]
        if top in STARTS_THREADS:
            return f"{top} does not survive a fork"
        tasks, threads = _tasks(), threading.active_count()
        try:
            importlib.import_module(name)
        except BaseException:  # then whoever is forked meets it, as it would have
            return ""
        started = _tasks() > tasks and top not in FORKS_WITH_THREADS
        if started or threading.active_count() > threads:
            return f"importing {name} starts a thread"
        return ""


def _tasks() -> int:
    return len(os.listdir("/proc/self/task"))


def open_files() -> set[str]:
    return {fd for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")}


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


@contextmanager
def _watched_environment(touched: set[str]) -> Iterator[None]:
    """`os.environ` is an object others hold on to, so its class is watched."""
    environ = type(os.environ)
    originals = {name: vars(environ)[name] for name in ("__getitem__", "__setitem__", "__iter__")}
    originals["__delitem__"] = vars(environ)["__delitem__"]

    def noting(original):
        def method(self, *arguments):
            touched.add(os.fsdecode(arguments[0]) if arguments else EVERYTHING)
            return original(self, *arguments)

        return method

    for name, original in originals.items():
        setattr(environ, name, noting(original))
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(environ, name, original)


@contextmanager
def _watched_finders(missing: set[str]) -> Iterator[None]:
    """Asked last, so only for what nobody found."""

    class Finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if path is None:
                missing.add(name.partition(".")[0])

    sys.meta_path.append(Finder)
    try:
        yield
    finally:
        sys.meta_path.remove(Finder)
