"""The function worker, laid down where every app may read it: the checkout may be a closed folder.

By content, so running instances keep theirs through an upgrade.
"""

import hashlib
import shutil
from pathlib import Path

from setpoint.drivers.builders import layers
from setpoint.drivers.builders.layers import Layers
from setpoint.drivers.builders.stack import Interpreter

SOURCE = Path(__file__).parents[2] / "workers" / "python_function"


def install(folder: Path, python: Interpreter, by: str) -> Path:
    """The worker's folder, below `folder` (of layers); an instance runs it by that path, or as
    bound into its sandbox. `by`: who installs, for the name of what is unfinished."""
    finished = Layers(folder / "worker", by)
    sources = sorted(SOURCE.glob("*.py"))
    content = hashlib.sha256(b"\0".join(file.read_bytes() for file in sources)).hexdigest()
    digest = layers.key(content, python.build)
    if not finished.has(digest):
        with finished.scratch() as new:
            _copy(sources, new)
            layers.compile_bytecode(python, new)
            finished.put(new, digest)
    return folder / "worker" / digest


def _copy(sources: list[Path], new: Path) -> None:
    new.mkdir(mode=0o755)
    for file in sources:
        shutil.copyfile(file, new / file.name)
        (new / file.name).chmod(0o644)
