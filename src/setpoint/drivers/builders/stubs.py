"""Stand-ins for packages that have no wheel yet: metadata and nothing else.

The resolver takes them for wheels, so it chooses among them as among all others, while it is still
forbidden to build anything. They live as long as the question.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path

from setpoint.drivers.builders.sdists import Declared


def put(folder: Path, name: str, version: str, declared: Declared) -> None:
    stem = f"{name.replace('-', '_')}-{version}"
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        info = f"{stem}.dist-info"
        wheel.writestr(f"{info}/METADATA", "\n".join(_metadata(name, version, declared)) + "\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def _metadata(name: str, version: str, declared: Declared) -> Iterator[str]:
    yield from ("Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}")
    if declared.python:
        yield f"Requires-Python: {declared.python}"
    yield from (f"Provides-Extra: {extra}" for extra in declared.extras)
    yield from (f"Requires-Dist: {need}" for need in declared.needs)
