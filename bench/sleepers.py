"""Functions that sleep, to be woken: deployed, called, and their kinds of start told apart."""

import json
import re
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.acceptance.plane import Plane, until
from tests.support.building import function

from bench.plane import ask
from setpoint.drivers.local import records
from setpoint.drivers.local.paths import Paths

ASLEEP_S_MAX = 120.0
IDLE_S = 1.0
DEPENDENCIES = "numpy==2.2.6\nrequests==2.32.5\npydantic==2.12.4\n"
JS_MAIN = "export default async function (event) {\n  return { id: event.id };\n}\n"
STARTED = re.compile(
    r"(?P<dyno>\S+)\]: Started (?P<how>by a fork|from one that waited|as a process)"
)
KINDS = {"by a fork": "fork", "from one that waited": "pool", "as a process": "fresh"}


def python_function(
    *, main: str = "", requirements: str = "", forks: bool = True
) -> dict[str, str]:
    files = function()
    files["project.toml"] += "" if forks else "\n[setpoint]\nfork-safe = false\n"
    if requirements:
        files["requirements.txt"] = requirements
    files["main.py"] = main + files["main.py"]
    return files


def heavy_function() -> dict[str, str]:
    uses = "import numpy\nimport pydantic\nimport requests\n\n"
    return python_function(main=uses, requirements=DEPENDENCIES)


def js_function() -> dict[str, str]:
    files = function()
    del files["main.py"]
    about = {"name": "hello", "version": "1.0.0", "type": "module", "main": "index.js"}
    lock = {"lockfileVersion": 3, "packages": {"": {"name": "hello", "version": "1.0.0"}}}
    more = {"package.json": json.dumps(about), "package-lock.json": json.dumps(lock)}
    return {**files, **more, "index.js": JS_MAIN}


def deploy_many(plane: Plane, app: str, files: Mapping[str, str], count: int) -> list[str]:
    """One project of so many functions; their names. Each sleeps after `IDLE_S`."""
    names = [f"f{n:03}" for n in range(count)]
    with tempfile.TemporaryDirectory() as source:
        for name in names:
            folder = Path(source, "functions", name)
            folder.mkdir(parents=True)
            for file, text in files.items():
                told = text.replace('id = "hello"', f'id = "{name}"')
                (folder / file).write_text(told)
        plane.ok("deploy", source, "-a", app)
    idle(plane, app, names, IDLE_S)
    return names


def idle(plane: Plane, app: str, names: Iterable[str], idle_s: float) -> None:
    updates = [{"type": name, "quantity": "0..1", "idle_s": idle_s} for name in names]
    ask(plane, "PATCH", f"/apps/{app}/formation", {"updates": updates})


def all_asleep(plane: Plane) -> None:
    folder = Paths.of(plane.data).instances

    def asleep() -> bool:
        return not any(record.kind == "function" for _, _, record in records.load(folder))

    until(asleep, ASLEEP_S_MAX, "all functions sleep")


def layer(plane: Plane, marker: str) -> Path:
    """Of dependencies, the one that has this file."""
    found = (Paths.of(plane.data).layers / "deps").glob(f"*/{marker}")
    return next(path for path in found).parents[marker.count("/")]


def wake(plane: Plane, app: str, name: str) -> float:
    """Milliseconds from the connection to the whole answer."""
    began_s = time.perf_counter()
    answer = plane.call(app, name, b"{}")
    took_ms = 1000 * (time.perf_counter() - began_s)
    assert answer.status == 200, (app, name, answer)
    return took_ms


def wake_at_once(plane: Plane, app: str, names: Sequence[str]) -> list[float]:
    plane.call(app, names[0], b"{}")  # learns the key, which each call needs
    all_asleep(plane)
    with ThreadPoolExecutor(len(names)) as callers:
        return list(callers.map(lambda name: wake(plane, app, name), names))


def starts(plane: Plane, app: str) -> dict[str, int]:
    """By kind, as the app's log tells."""
    lines = plane.ok("logs", app, "--since", "1h").out
    counts = dict.fromkeys(KINDS.values(), 0)
    for found in STARTED.finditer(lines):
        counts[KINDS[found["how"]]] += 1
    return counts
