"""One running instance in a test's hands: start code in it, read its output, see how it ended."""

import os
import select
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from setpoint.drivers.local import sandbox
from setpoint.drivers.local.sandbox import Confinement, Identity, Launch
from tests.support.waiting import until

PYTHON = os.path.realpath(sys.executable)
MEGABYTE = 1024 * 1024


def python_binds() -> tuple[tuple[Path, str], ...]:
    """An interpreter outside /usr has to be shown."""
    prefix = Path(sys.base_prefix)
    return () if prefix.is_relative_to("/usr") else ((prefix, str(prefix)),)


def world_readable_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="setpoint-test-"))
    folder.chmod(0o711)
    return folder


@dataclass
class Box:
    """An instance and what belongs to it."""

    confinement: Confinement
    spec: Launch
    identity: Identity
    reader: int
    heard: bytes = b""
    exit: tuple[int, bool] | None = None
    gone: bool = False

    def read(self) -> bytes:
        """All output so far."""
        while select.select([self.reader], [], [], 0)[0]:
            self.heard += os.read(self.reader, 1 << 16)
        return self.heard

    def hears(self, text: bytes, timeout_s: float = 10.0) -> bytes:
        until(lambda: text in self.read(), timeout_s, f"{text!r} in {self.heard!r}")
        return self.heard

    def ended(self) -> tuple[int, bool] | None:
        """Wait for its end, then do what a supervisor does then."""
        fd = sandbox.open_pidfd(self.identity)
        if fd is not None:
            assert select.select([fd], [], [], 10.0)[0], f"it goes on: {self.read()!r}"
            os.close(fd)
        return self.clear()

    def clear(self) -> tuple[int, bool] | None:
        sandbox.kill(self.confinement, self.identity)
        spec = self.spec
        if not self.gone:
            self.exit = sandbox.read_exit(self.confinement, spec.app, spec.name, spec.status)
        self.gone = True
        until(self._forgotten, what="its cgroup can be removed")
        return self.exit

    def _forgotten(self) -> bool:
        spec = self.spec
        return sandbox.forget(self.confinement, self.identity, spec.app, spec.name, spec.status)


@dataclass
class Ground:
    """A place to start instances in: a runtime folder, and everything started there."""

    confinement: Confinement
    folder: Path
    boxes: list[Box] = field(default_factory=list)
    readers: list[int] = field(default_factory=list)
    apps: set[str] = field(default_factory=set)

    @property
    def runtime(self) -> Path:
        return self.folder / "run"

    def slug(self, app: str, files: Mapping[str, str]) -> Path:
        folder = self.folder / app
        folder.mkdir(mode=0o755, exist_ok=True)
        folder.chmod(0o755)
        for name, text in files.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o644)
        return folder

    def spec(
        self, code: str, *, app: str = "appa", port: int | None = None, **changes: Any
    ) -> Launch:
        """A launch of `code`, which sits at /app/main.py (or wherever this level shows it)."""
        self.runtime.mkdir(exist_ok=True, mode=0o711)
        self.apps.add(app)
        name = changes.setdefault("name", f"web.{len(self.boxes) + 1}")
        slug = self.slug(f"{app}-{name}", {"main.py": code})
        inside = self.confinement.inside(slug, "/app")
        netns = sandbox.prepare_app(self.confinement, self.runtime, app)
        uids = self.confinement.uids
        ingress = None
        if port is not None:
            ingress = sandbox.endpoint(self.confinement, self.runtime, app, port)
        given: dict[str, Any] = {
            "app": app,
            "argv": (PYTHON, f"{inside}/main.py"),
            "env": {"PATH": "/usr/bin:/bin", "PORT": str(port or 0)},
            "cwd": inside,
            "binds": ((slug, inside), *python_binds()),
            "uid": uids[sorted(self.apps).index(app)] if uids else None,
            "memory_bytes_max": 256 * MEGABYTE,
            "pids_max": 64,
            "cpu_weight": 100,
            "netns": netns,
            "output": self.runtime / f"{app}-{name}.out",
            "status": self.runtime / f"{app}-{name}.status",
            "fds": {},
            "hostname": "web-1",
            "ingress": ingress,
        }
        return Launch(**{**given, **changes})

    def start(self, code: str, **changes: Any) -> Box:
        spec = self.spec(code, **changes)
        reader = sandbox.open_output(spec.output)
        self.readers.append(reader)
        box = Box(self.confinement, spec, sandbox.launch(self.confinement, spec), reader)
        self.boxes.append(box)
        return box

    def close(self) -> None:
        for box in self.boxes:
            if not box.gone:
                box.clear()
        for reader in self.readers:
            os.close(reader)
        for app in self.apps:
            sandbox.drop_app(self.confinement, self.runtime, app)
