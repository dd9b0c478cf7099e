"""The run stage as the builder sees it: what must be built elsewhere, and how that went.

Building runs the package's code, so it happens in the app's own sandbox, started by the supervisor.
Here the sdists are laid ready and what comes back is judged. Nothing of it is believed: a wheel is
a zip file that somebody hostile may have made.
"""

import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from setpoint.drivers.builders import lacking, room
from setpoint.drivers.builders.asking import Question
from setpoint.drivers.builders.errors import CannotBuild, NeedsRunStage
from setpoint.drivers.builders.sdists import Declared, read
from setpoint.drivers.builders.sources import Source, Sources
from setpoint.formats import handover
from setpoint.formats.handover import Ending, Need, Package
from setpoint.model.ids import Digest

PIN = "pin a version that has a wheel"
_ASKS = re.compile(r"RuntimeError: to be built it also asks for ([^\n]{1,200})")


@dataclass(frozen=True)
class FromSource:
    """`tools` lays down the layer that answers a question: what a package's build asks for."""

    sources: Sources
    tools: Callable[[Question], Digest]

    def wheels(self, wanted: tuple[Source, ...], into: Path) -> None:
        """All of them, as files in the folder `into`. Raises CannotBuild, NeedsRunStage."""
        packages = tuple(self._package(source) for source in wanted)
        if len(packages) > handover.NEEDS_MAX:
            fact = f"{len(packages)} of its packages are published as source only"
            raise CannotBuild(f"{fact}; at most {handover.NEEDS_MAX} are built", PIN)
        endings = {package: self._ending(package) for package in packages}
        if waiting := tuple(p for p, ending in endings.items() if ending is None):
            raise NeedsRunStage(waiting)
        into.mkdir()
        for package, ending in endings.items():
            assert ending is not None
            judge(package, ending)
            take(self.sources.folder / handover.output_file(package), package, into)

    def _package(self, source: Source) -> Package:
        declared = read(self.sources.fetch(source), source.label)
        return Package(source.name, source.version, source.digest, self._tools(source, declared))

    def _tools(self, source: Source, declared: Declared) -> Digest:
        return self.tools(Question(f"what {source.label} is built with", declared.tools))

    def _ending(self, package: Package) -> Ending | None:
        return ending_of(self.sources.folder, package)


def ending_of(folder: Path, need: Need) -> Ending | None:
    """None: it has not been done yet."""
    try:
        data = (folder / handover.ending_file(need)).read_bytes()
    except FileNotFoundError:
        return None
    return handover.decode_ending(data)


# --- judging -------------------------------------------------------------------------------------


def judge(package: Package, ending: Ending) -> None:
    """Raises CannotBuild unless it ended well."""
    if ending.late:
        raise _not_built(package, "took too long", f"{PIN}; nothing may build for so long")
    if ending.oom:
        raise _not_built(package, "ran out of memory", PIN)
    if ending.full:
        raise _not_built(package, "filled the disk", PIN)
    if ending.code is None:
        fact = f"building {package.label} from source was cut off"
        raise CannotBuild(fact, tool=ending.said, user_error=False)
    if ending.code != 0:
        fact, hint = why(ending.said)
        raise _not_built(package, fact, hint, ending.said)


def why(said: str) -> tuple[str, str]:
    """(what completes `it is published as source only, and building it ...`, the next step)."""
    if asked := _ASKS.search(said):
        fact = f"asks for {asked[1]}, which its pyproject.toml does not name"
        return fact, PIN
    lack = lacking.read(said)
    if lack is None:
        return "failed", PIN
    return lack.fact, f"{lack.hint}, or {PIN}" if lack.hint else PIN


def _not_built(package: Package, fact: str, hint: str, said: str = "") -> CannotBuild:
    whole = f"{package.label} is published as source only, and building it {fact}"
    return CannotBuild(whole, hint, tool=said)


# --- taking the wheel ----------------------------------------------------------------------------


def take(stream: Path, package: Package, into: Path) -> None:
    """The stream becomes a wheel in the folder `into`. Raises CannotBuild."""
    try:
        with stream.open("rb") as file:
            line = file.readline(handover.NAME_BYTES_MAX)
            name = handover.wheel_name(line.rstrip(b"\n"), package)
            if name is None:
                raise _not_built(package, "gave no wheel of that name", PIN)
            with (into / name).open("xb") as wheel:
                shutil.copyfileobj(file, wheel)
    except FileNotFoundError:
        raise _not_built(package, "gave no wheel", PIN) from None
    if stream.stat().st_size > handover.WHEEL_BYTES_MAX:
        limit = handover.WHEEL_BYTES_MAX // (1024 * 1024)
        raise _not_built(package, f"gave a wheel over {limit} MiB", PIN)
    _check(into / name, package)


def _check(wheel: Path, package: Package) -> None:
    """Members stay below the folder they are unpacked to, and programs in the one for programs."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            points = [n for n in names if n.endswith(".dist-info/entry_points.txt")]
            programs = [p for n in points for p in _programs(archive.read(n))]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, UnicodeError):
        raise _not_built(package, "gave a broken wheel", PIN) from None
    room.check(sum(m.file_size for m in members), len(members), package.label)
    if any(_leaves(name) for name in names) or any("/" in p or p in ("", "..") for p in programs):
        raise _not_built(package, "gave a wheel that reaches out of its folder", PIN)


def _leaves(name: str) -> bool:
    return name.startswith("/") or "\\" in name or ".." in PurePosixPath(name).parts


def _programs(points: bytes) -> list[str]:
    lines = (line.partition("=") for line in points.decode("utf-8").splitlines())
    return [name.strip() for name, equals, _ in lines if equals]
