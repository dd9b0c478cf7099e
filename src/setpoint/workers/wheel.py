"""Builds one wheel from one sdist with the sdist's own build backend, inside the app's sandbox.

Started with an interpreter that has what the sdist says its build needs:

    python -I -u wheel.py SDIST_FD WHEEL_FD

The wheel leaves as a stream, name first, so that nothing inside needs a place to write outside.
Standard library only; every line of the sdist that runs, runs in this process and its children.
"""

import importlib
import importlib.metadata
import os
import re
import shutil
import sys
import tarfile
import tempfile
import tomllib
import traceback
from pathlib import Path

LEGACY = "setuptools.build_meta:__legacy__"
"""for what has no [build-system]"""
FAILED = 65
CHUNK_BYTES = 1 << 20


def main() -> int:
    sdist, out = (int(argument) for argument in sys.argv[1:])
    os.set_inheritable(sdist, False)
    os.set_inheritable(out, False)
    scratch = Path(tempfile.mkdtemp())
    os.environ["HOME"] = str(scratch)
    try:
        send(build(unpack(sdist, scratch / "source"), scratch / "wheel"), out)
    except Exception as error:
        traceback.print_exception(error, limit=-3)
        return FAILED
    return 0


def unpack(sdist: int, into: Path) -> Path:
    """The one folder in it. The walls around us are what confines it."""
    with open(sdist, "rb") as raw, tarfile.open(fileobj=raw, mode="r:gz") as tar:
        if hasattr(tarfile, "data_filter"):
            tar.extraction_filter = tarfile.data_filter
        tar.extractall(into)
    (folder,) = (path for path in into.iterdir() if path.is_dir())
    return folder


def build(folder: Path, into: Path) -> Path:
    into.mkdir()
    os.chdir(folder)
    backend = load(folder)
    ask = getattr(backend, "get_requires_for_build_wheel", lambda _: ())
    if missing := [r for r in ask({}) if not there(r)]:
        raise RuntimeError(f"to be built it also asks for {', '.join(missing)}")
    return into / backend.build_wheel(str(into), {})


def load(folder: Path):
    file = folder / "pyproject.toml"
    system = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    system = system.get("build-system", {})
    for path in reversed(system.get("backend-path", ())):
        sys.path.insert(0, str(folder / path))
    module, _, name = system.get("build-backend", LEGACY).partition(":")
    backend = importlib.import_module(module)
    for part in filter(None, name.split(".")):
        backend = getattr(backend, part)
    return backend


def there(requirement: str) -> bool:
    """Its version is the resolver's matter."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement.strip())
    try:
        return name is not None and bool(importlib.metadata.version(name[0]))
    except importlib.metadata.PackageNotFoundError:
        return False


def send(wheel: Path, out: int) -> None:
    with open(out, "wb") as stream, wheel.open("rb") as file:
        stream.write(wheel.name.encode() + b"\n")
        shutil.copyfileobj(file, stream, CHUNK_BYTES)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # what a backend left running or registered has no say any more
