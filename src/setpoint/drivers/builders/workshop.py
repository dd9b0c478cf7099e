"""What one build works with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from setpoint.drivers.builders import bytecode, uv
from setpoint.drivers.builders.bytecode import Bytecode
from setpoint.drivers.builders.output import Output
from setpoint.drivers.builders.stack import Interpreter
from setpoint.model.ids import Digest
from setpoint.model.release import BuildRequest


@dataclass(frozen=True)
class Workshop:
    """`archive`: open, since only the plane's users may read uploads. `npm_cache`: where npm keeps
    what it fetched. `bytecode_store`: where what was compiled is kept. `operator`: the environment
    that the operator's settings are in. `handover`: the folder shared with the run stage.
    `resumed`: that stage is over, so what was said before is not said again. `configured`: names
    of the app's config vars. `packs`: uploaded buildpacks, open."""

    request: BuildRequest
    archive: BinaryIO
    layers: Path
    uv: uv.Uv
    npm_cache: Path
    bytecode_store: Path
    python: Interpreter
    operator: Mapping[str, str]
    say: Output
    handover: Path
    resumed: bool = False
    configured: frozenset[str] = frozenset()
    packs: Mapping[Digest, BinaryIO] = field(default_factory=dict[Digest, BinaryIO])

    @property
    def locks(self) -> Path:
        """With the layers, not in the cache: a cleared cache must not change anyone's versions."""
        folder = self.layers / "locks"
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        return folder

    @property
    def bytecode(self) -> Bytecode:
        """For layers that any app may come to."""
        return bytecode.of_packages(self.bytecode_store, self.request.stack, self.python)

    @property
    def own_bytecode(self) -> Bytecode:
        """For layers that are this app's alone."""
        return bytecode.of_app(
            self.bytecode_store, self.request.stack, self.python, self.request.app
        )
